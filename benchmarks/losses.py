"""Time and memory of every policy loss, forward and backward, metrics included, against verl's vanilla.

    python -m benchmarks.losses --threads 1 --output benchmarks/results/losses_cpu.csv
    python -m benchmarks.losses --device cuda --compile --output benchmarks/results/losses_cuda.csv

The baselines are verl's own `vanilla` and a plain transcription of DGPO, with nested torch.where, an exponential in
every branch and autograd through all of them. All run interleaved in one process, so that a busy machine slows all
alike; the fastest of the rounds is reported. Peak memory is what a call holds beyond its inputs at the worst moment,
from the profiler's record of every allocation, on a CPU with one thread.
"""

import csv
import math
import platform
import time
from collections.abc import Callable

import torch
from verl.trainer.ppo.core_algos import agg_loss, get_policy_loss_fn
from verl.utils.torch_functional import masked_mean
from verl.workers.config import ActorConfig

from benchmarks import common
from benchmarks.common import arguments_of
from dgpo.losses import METHODS, policy_loss

# A micro-batch of the quick start, and one of long answers.
SHAPES = ((16, 96), (8, 16384))
# Forward reads log_prob, old_log_prob, advantages (float32) and the mask, and writes the gradient; backward reads and
# writes the gradient once more.
BYTES_PER_TOKEN = 4 + 4 + 4 + 1 + 4 + 4 + 4
Loss = Callable[[torch.Tensor], torch.Tensor]


def make_inputs(rows: int, width: int, device: str) -> dict[str, torch.Tensor]:
    """A batch as in training: padded answers, one advantage per answer, a fifth of the tokens off the clip range."""
    generator = torch.Generator().manual_seed(0)
    old = -2 * torch.rand(rows, width, generator=generator)
    new = old + 0.15 * torch.randn(rows, width, generator=generator)
    lengths = torch.randint(width // 2, width + 1, (rows, 1), generator=generator)
    inputs = {
        "old_log_prob": old,
        "log_prob": new,
        "advantages": torch.randn(rows, 1, generator=generator).expand(rows, width).contiguous(),
        "response_mask": torch.arange(width) < lengths,
    }
    return {name: tensor.to(device) for name, tensor in inputs.items()}


def transcription(
    old_log_prob: torch.Tensor,
    log_prob: torch.Tensor,
    advantages: torch.Tensor,
    response_mask: torch.Tensor,
    n: int = 1,
    m: int = 2,
    lo: float = 0.8,
    hi: float = 1.2,
) -> torch.Tensor:
    """DGPO written down from its W: where(LN, ∫C_left·π^n, where(HP, ∫C_right·π^(-1/m), r)), then autograd."""
    ratio = torch.exp(log_prob - old_log_prob)
    left = torch.exp((n + 1) * (log_prob - old_log_prob)) * lo**-n / (n + 1)
    right = torch.exp((1 - 1 / m) * (log_prob - old_log_prob)) * hi ** (1 / m) / (1 - 1 / m)
    objective = torch.where(advantages < 0, torch.where(ratio < lo, left, ratio), torch.where(ratio > hi, right, ratio))
    clipped = ((advantages < 0) & (ratio < lo)) | ((advantages > 0) & (ratio > hi))
    masked_mean(clipped.float(), response_mask).item()
    masked_mean(old_log_prob - log_prob, response_mask).item()
    return agg_loss(-advantages * objective, response_mask, "token-mean")


def make_losses(inputs: dict[str, torch.Tensor], compiled: bool) -> dict[str, Loss]:
    """Each contender as a function of log_prob alone."""
    fixed = {name: tensor for name, tensor in inputs.items() if name != "log_prob"}
    actor = ActorConfig(strategy="fsdp", rollout_n=1, ppo_micro_batch_size_per_gpu=1)
    vanilla = get_policy_loss_fn("vanilla")

    losses: dict[str, Loss] = {
        "verl vanilla": lambda log_prob: vanilla(log_prob=log_prob, config=actor, **fixed)[0],
        "transcription": lambda log_prob: transcription(log_prob=log_prob, **fixed),
    }
    for name in METHODS:
        losses[name] = lambda log_prob, name=name: policy_loss(name, log_prob=log_prob, **fixed)[0]
    if compiled:
        losses |= {f"{name} (compiled)": torch.compile(loss) for name, loss in losses.items()}
    return losses


def run(loss: Loss, log_prob: torch.Tensor) -> None:
    loss(log_prob).backward()
    if log_prob.is_cuda:
        torch.cuda.synchronize()


def seconds(losses: dict[str, Loss], log_prob: torch.Tensor, rounds: int) -> dict[str, float]:
    """The fastest of `rounds` interleaved runs of each, after two to warm up."""
    best = dict.fromkeys(losses, math.inf)
    for round_number in range(rounds + 2):
        for name, loss in losses.items():
            log_prob.grad = None
            start = time.perf_counter()
            run(loss, log_prob)
            if round_number >= 2:
                best[name] = min(best[name], time.perf_counter() - start)
    return best


def peak_bytes(loss: Loss, log_prob: torch.Tensor) -> int:
    """The most that one run holds at a time beyond what was held before, log_prob's own gradient included."""
    log_prob.grad = None
    if log_prob.is_cuda:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run(loss, log_prob)
        return torch.cuda.max_memory_allocated() - before
    return common.peak_bytes(lambda: run(loss, log_prob))


def copy_bandwidth(rows: int, width: int) -> float:
    """Bytes per second, read and written, of a float32 copy of the same shape on the GPU."""
    source = torch.randn(rows, width, device="cuda")
    target = torch.empty_like(source)

    def copy() -> None:
        target.copy_(source)
        torch.cuda.synchronize()

    copy()
    return 8 * rows * width / common.fastest(copy, 10)


def measure(device: str, compiled: bool, rounds: int) -> list[dict[str, str]]:
    """One row per shape and contender."""
    machine = torch.cuda.get_device_name() if device == "cuda" else f"{platform.machine()} CPU"
    table = []
    for rows, width in SHAPES:
        inputs = make_inputs(rows, width, device)
        log_prob = inputs["log_prob"].requires_grad_()
        losses = make_losses(inputs, compiled)
        times = seconds(losses, log_prob, rounds if rows * width < 1 << 20 else max(rounds // 4, 5))
        bandwidth = copy_bandwidth(rows, width) if device == "cuda" else math.nan
        for name, loss in losses.items():
            table.append(
                {
                    "machine": machine,
                    "threads": str(torch.get_num_threads()) if device == "cpu" else "",
                    "torch": torch.__version__,
                    "tokens": f"{rows}x{width}",
                    "loss": name,
                    "ms": f"{times[name] * 1e3:.2f}",
                    "to_vanilla": f"{times[name] / times['verl vanilla']:.2f}",
                    "to_transcription": f"{times[name] / times['transcription']:.2f}",
                    "peak_mib": f"{peak_bytes(loss, log_prob) / 2**20:.2f}",
                    "of_copy_bandwidth": f"{BYTES_PER_TOKEN * rows * width / times[name] / bandwidth:.3f}"
                    if device == "cuda"
                    else "",
                }
            )
            print("  ".join(f"{key}={value}" for key, value in table[-1].items()), flush=True)
    return table


def main() -> None:
    parser = arguments_of(__doc__)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--compile", action="store_true", help="also run every contender under torch.compile")
    parser.add_argument("--rounds", type=int, default=40, help="timed runs of each; the fastest counts")
    parser.add_argument("--threads", type=int, nargs="+", help="CPU thread counts to try; torch's default if none")
    arguments = parser.parse_args()
    table = []
    for threads in arguments.threads or [torch.get_num_threads()]:
        torch.set_num_threads(threads)
        table += measure(arguments.device, arguments.compile, arguments.rounds)
    if arguments.output:
        with arguments.output.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(table[0]))
            writer.writeheader()
            writer.writerows(table)


if __name__ == "__main__":
    main()
