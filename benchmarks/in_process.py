"""The quick start as one loop in one process, beside runs of the real stack that began with the same model.

    python -m benchmarks.in_process runs/quickstart/dgpo-0 --draws 0 1 2 --output benchmarks/results/in_process.md

`bash recipes/quickstart.sh` makes problems, model and the run; more runs may follow. The loop shares the losses, the
verifier and the config's values with the trainer, and nothing of verl: transformers samples, advantages and updates
are written out below. So a fault in how the trainer passes on answers, advantages, log-probs or weights would set the
two apart. Both are judged by the loop's sampler on the same problems, in bfloat16 as weights are exported; problems and
draws come in another order.
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks.against_trl import ANSWERS, HERE, PROMPTS, TOKENS, UPDATES
from benchmarks.common import RESULTS, arguments_of, machine, publish
from dgpo.losses import policy_loss
from dgpo.runs.export import export_run
from dgpo.runs.metrics import boundary_share, steps_of, training_steps
from dgpo.tables import Table
from dgpo.tasks.arithmetic import distinct_problems
from dgpo.verifier import verify_batch

STEPS, WARM_UP, RATE, HELD_OUT = 30, 5, 3e-5, 512
LAST = 10
"""Steps over which the training reward is taken."""


class Policy:
    """A model: samples groups of answers, and scores them."""

    def __init__(self, folder: Path):
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self.model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    @torch.no_grad()
    def sample(self, rows: list[dict[str, Any]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """`ANSWERS` to each row: tokens with the prompts `(B, P+T)`, which of them attention sees, which of `(B, T)`
        are of the response, and the rewards `(B,)`."""
        render = self.tokenizer.apply_chat_template
        prompts = [render(row["prompt"], add_generation_prompt=True, return_dict=False) for row in rows]
        batch = self.tokenizer.pad({"input_ids": prompts}, padding_side="left", return_tensors="pt")
        many = {name: tensor.repeat_interleave(ANSWERS, 0) for name, tensor in batch.items()}
        whole = dict(do_sample=True, temperature=1.0, top_k=0, top_p=1.0)  # the distribution, as verl samples it
        tokens = self.model.generate(**many, max_new_tokens=TOKENS, **whole)
        answers = tokens[:, many["input_ids"].shape[1] :]
        ends = (answers == self.tokenizer.eos_token_id).long()
        mask = ends.cumsum(1) == ends
        seen = torch.cat([many["attention_mask"].bool(), mask], 1)
        texts = self.tokenizer.batch_decode(answers.masked_fill(~mask, self.tokenizer.pad_token_id), True)
        truths = [row["reward_model"]["ground_truth"] for row in rows for _ in range(ANSWERS)]
        return tokens, seen, mask, torch.tensor([float(bool(each)) for each in verify_batch(texts, truths)])

    def score(self, tokens: Tensor, seen: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """log π of the last `length` tokens, and the entropy there, `(B, T)`."""
        places = (seen.long().cumsum(1) - 1).clamp(min=0)
        logits = self.model(input_ids=tokens, attention_mask=seen.long(), position_ids=places).logits
        every = logits[:, -length - 1 : -1].log_softmax(-1)
        return every.gather(2, tokens[:, -length:, None])[..., 0], -(every.exp() * every).sum(-1)


def advantages_of(rewards: Tensor) -> Tensor:
    """(R - mean) / (standard deviation + 1e-6) in each group, `(B, 1)`."""
    groups = rewards.view(-1, ANSWERS)
    spread = groups - groups.mean(1, keepdim=True)
    return (spread / (groups.std(1, keepdim=True) + 1e-6)).flatten()[:, None]


def judge(policy: Policy) -> float:
    """mean@8 of the held-out problems, of the model with its weights rounded as an export rounds them."""
    policy.model.to(torch.bfloat16).to(torch.float32)
    torch.manual_seed(0)
    problems = distinct_problems("test", HELD_OUT, seed=0)
    rows = [
        {"prompt": [{"role": "user", "content": each.text}], "reward_model": {"ground_truth": each.answer}}
        for each in problems
    ]
    pieces = [policy.sample(rows[place : place + PROMPTS])[3] for place in range(0, HELD_OUT, PROMPTS)]
    return torch.cat(pieces).mean().item()


def judge_run(run: Path) -> dict[str, float]:
    """The figures of a real run, whose last checkpoint is judged."""
    steps = [*training_steps(steps_of(run)).values()]
    with TemporaryDirectory() as folder:
        policy = Policy(export_run(run, Path(folder) / "model")[1])
    rewards, shares = [each["critic/rewards/mean"] for each in steps], [boundary_share(each) for each in steps]
    return figures(policy, rewards, shares, steps[-1]["actor/entropy"])


def figures(policy: Policy, rewards: list[float], shares: list[Any], entropy: float) -> dict[str, float]:
    return {
        "after": judge(policy),
        "reward": float(np.mean(rewards[-LAST:])),
        "boundary": float(np.mean(shares)),
        "entropy": entropy,
    }


def train(model: Path, draw: int) -> dict[str, float]:
    """The same figures of the loop, with problems, answers and mini-batches drawn by a seed."""
    torch.manual_seed(draw)
    draws = np.random.default_rng(draw)
    policy = Policy(model)
    adam = torch.optim.AdamW(policy.model.parameters(), lr=RATE, weight_decay=0.1)
    rows = pq.read_table(HERE / "data/train.parquet").to_pylist()
    order = draws.permutation(len(rows))
    steps: list[dict[str, float]] = []
    begin = time.process_time()
    for step in range(STEPS):
        adam.param_groups[0]["lr"] = RATE * min(1.0, step / WARM_UP)
        chosen = [rows[place] for place in order[step * PROMPTS : (step + 1) * PROMPTS]]
        steps.append(one_step(policy, adam, chosen, draws))
    seconds = (time.process_time() - begin) / STEPS
    rewards, shares, entropies = ([each[name] for each in steps] for name in ("reward", "boundary", "entropy"))
    return figures(policy, rewards, shares, entropies[-1]) | {"seconds": seconds}


def one_step(policy: Policy, adam: Any, rows: list[dict[str, Any]], draws: np.random.Generator) -> dict[str, float]:
    """Answers, rewards, advantages, and `UPDATES` updates of as many answers, drawn one by one."""
    tokens, seen, mask, rewards = policy.sample(rows)
    advantages = advantages_of(rewards).expand(-1, mask.shape[1])
    with torch.no_grad():
        old, entropy = policy.score(tokens, seen, mask.shape[1])
    shares = []
    for piece in np.array_split(draws.permutation(len(tokens)), UPDATES):
        new, _ = policy.score(tokens[piece], seen[piece], mask.shape[1])
        loss, metrics = policy_loss("dgpo", old[piece], new, advantages[piece], mask[piece])
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.model.parameters(), 1.0)
        adam.step()
        shares.append(boundary_share(metrics))
    return {
        "reward": rewards.mean().item(),
        "entropy": entropy[mask].mean().item(),
        "boundary": float(np.mean(shares)),
    }


def main() -> None:
    parser = arguments_of(__doc__, RESULTS / "in_process.md")
    parser.add_argument("runs", type=Path, nargs="+", help="run folders of the real stack that began with --model")
    parser.add_argument("--model", type=Path, default=HERE / "model-0", help="folder of the model before training")
    parser.add_argument("--draws", type=int, nargs="+", default=[0, 1, 2], help="seeds of the loop")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    before = judge(Policy(arguments.model))
    found = {f"real stack, {run.name}": judge_run(run) for run in arguments.runs}
    found |= {f"one process, draw {draw}": train(arguments.model, draw) for draw in arguments.draws}
    rows = [
        (
            name,
            f"{100 * run['after']:.1f}",
            f"{100 * run['reward']:.1f}",
            f"{run['boundary']:.3%}",
            f"{run['entropy']:.3f}",
        )
        for name, run in found.items()
    ]
    head = ("run", "mean@8", f"reward, last {LAST} steps", "LN + HP tokens", "entropy, last step")
    seconds = np.mean([run["seconds"] for run in found.values() if "seconds" in run])
    notes = [
        f"{STEPS} steps of {UPDATES} updates from one model, which has {100 * before:.1f} before. In %: mean@8, of "
        f"{HELD_OUT} held-out problems, and rewards. LN + HP: mean over steps. The loop takes {seconds:.1f} seconds of "
        "one core a step."
    ]
    publish(arguments.output, Table(head, rows, "The quick start in one process", notes), about=machine())


if __name__ == "__main__":
    main()
