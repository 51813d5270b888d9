"""The actor's update of a recipe on one device: seconds, tokens a second, MFU, and peak memory against the plan.

    python -m benchmarks.update --config dgpo_1_5b --tokens 8192 34816 --output benchmarks/results/update_h100.md

verl's own worker and engine as the recipe sets them, on one device with a model of the recipe's shape and random
weights: a batch of answers as long as they may be, in two micro-batches; old log-probs and one update, the first round
not counted. Needs no model and no data. Further arguments are overrides: without flash-attn,
actor_rollout_ref.model.use_remove_padding=false +actor_rollout_ref.model.override_config.attn_implementation=sdpa,
and for a try on a CPU actor_rollout_ref.model.path=FOLDER with the config.json of a small model.
"""

import functools
import gc
import math
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from tensordict import TensorDict

from benchmarks.common import arguments_of, publish
from dgpo.config.compose import compose_config, resolved, select_platform
from dgpo.config.memory import phases
from dgpo.config.memory.duration import SPREAD, forward_flops
from dgpo.config.memory.setup import GIB, GPUS, Setup, setup_from
from dgpo.tables import Table

PROMPT = 64


def write_model(setup: Setup, folder: Path) -> None:
    """A Qwen2 of the shape, with random weights."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from dgpo.tasks.small_model import character_tokenizer

    config = Qwen2Config(**setup.shape.settings, dtype="bfloat16")
    Qwen2ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    character_tokenizer().save_pretrained(folder)


def batch(tokens: int, longest: int, vocabulary: int) -> TensorDict:
    """Sequences of at most ``longest`` tokens that fill two micro-batches of ``tokens``."""
    from verl.utils import tensordict_utils as tu

    each = min(tokens, longest)
    count = 2 * (tokens // each)
    jagged = functools.partial(torch.nested.as_nested_tensor, layout=torch.jagged)
    response = each - PROMPT
    answers = [torch.randint(3, vocabulary, (response,)) for _ in range(count)]
    prompts = [torch.randint(3, vocabulary, (PROMPT,)) for _ in range(count)]
    sequences = [torch.cat(pair) for pair in zip(prompts, answers, strict=True)]
    ones = [torch.ones(response) for _ in range(count)]
    signs = [torch.full((response,), 1.0 if number % 2 else -1.0) for number in range(count)]
    tensors = {
        "prompts": jagged(prompts),
        "responses": jagged(answers),
        "input_ids": jagged(sequences),
        "position_ids": jagged([torch.arange(each) for _ in range(count)]),
        "advantages": jagged(signs),
        "loss_mask": jagged(ones),
        "response_mask": jagged(ones),
        "old_log_probs": jagged([torch.full((response,), -1.0) for _ in range(count)]),
    }
    settings = {"temperature": 1.0, "calculate_entropy": True, "compute_loss": False}
    settings |= {"mini_batch_size": count, "global_batch_size": count, "epochs": 1}
    return tu.get_tensordict(tensors, non_tensor_dict=settings)  # pyright: ignore[reportArgumentType]


def only_rank() -> None:
    """What torchrun would tell the one process of a run."""
    from verl.utils.net_utils import get_free_port

    alone = {"RANK": 0, "LOCAL_RANK": 0, "WORLD_SIZE": 1, "RAY_LOCAL_WORLD_SIZE": 1, "MASTER_ADDR": "127.0.0.1"}
    alone["MASTER_PORT"], _ = get_free_port("127.0.0.1")
    os.environ.update({key: str(value) for key, value in alone.items()})


def actor_worker(config: Any, **engine: Any) -> Any:
    """A rank of verl's worker as its trainer makes it for the actor, with settings of the engine that come from it."""
    from verl.utils.config import omega_conf_to_dataclass
    from verl.workers.config import TrainingWorkerConfig
    from verl.workers.engine_workers import TrainingWorker
    from verl.workers.utils.losses import ppo_loss

    actor = omega_conf_to_dataclass(config.actor_rollout_ref.actor)
    actor.model_config = omega_conf_to_dataclass(config.actor_rollout_ref.model)
    for key, value in engine.items():
        setattr(actor.engine, key, value)
    actor.optim.total_training_steps = 10
    worker = TrainingWorker(
        TrainingWorkerConfig(
            model_type="language_model",
            model_config=actor.model_config,
            engine_config=actor.engine,
            optimizer_config=actor.optim,
            checkpoint_config=actor.checkpoint,
        )
    )
    worker.reset()
    worker.set_loss_fn(functools.partial(ppo_loss, config=actor))
    return worker


def timed(work: Callable[[], Any], cuda: bool) -> tuple[float, float]:
    """Seconds, and the peak of what torch held on the GPU, in bytes."""
    if cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    started = time.perf_counter()
    work()
    if cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - started, torch.cuda.max_memory_allocated() if cuda else math.nan


def measure(config: Any, setup: Setup, gpu: str | None, rounds: int) -> list[str]:
    """A row: tokens, seconds of log-probs and update, tokens a second, MFU, peak and plan in GiB."""
    from verl.utils import tensordict_utils as tu

    cuda = config.trainer.device == "cuda"
    gc.collect()  # the worker of the size before
    others = torch.cuda.memory_allocated() if cuda else 0
    tokens = config.actor_rollout_ref.actor.ppo_max_token_len_per_gpu
    only_rank()
    worker = actor_worker(
        config, use_dynamic_bsz=True, max_token_len_per_gpu=tokens, infer_max_token_len_per_gpu=tokens
    )
    data = batch(setup.tokens, setup.longest, setup.shape.vocabulary)
    training = data.clone()
    tu.assign_non_tensor(training, calculate_entropy=config.actor_rollout_ref.actor.calculate_entropy)
    best_log_probs = best_update = peak = math.inf
    for number in range(rounds + 1):
        seconds, _ = timed(lambda: worker.infer_batch(data.clone()), cuda)
        update, held = timed(lambda: worker.train_mini_batch(training.clone()), cuda)
        if number:
            best_log_probs, best_update, peak = min(best_log_probs, seconds), min(best_update, update), held
    total = int(data["input_ids"].offsets()[-1])
    flops = 3 * total * forward_flops(setup, min(setup.tokens, setup.longest) / SPREAD)
    held = phases.totals(setup)
    plan = max(held["update, head"], held["update, layers"]) - phases.contexts(setup)
    return [
        f"{setup.tokens:,}",
        f"{best_log_probs:.2f}",
        f"{best_update:.2f}",
        f"{total / best_update:,.0f}",
        f"{flops / best_update / GPUS[gpu].flops:.1%}" if gpu else "–",
        f"{(peak - others) / GIB:.2f}" if cuda else "–",
        f"{plan / GIB:.2f}",
    ]


def main(argv: Sequence[str] | None = None) -> None:
    parser = arguments_of(__doc__)
    parser.add_argument("--config", default="dgpo_1_5b")
    parser.add_argument("--tokens", type=int, nargs="+", default=[8192, 34816], help="of a micro-batch")
    parser.add_argument("--gpu", choices=sorted(GPUS), help="whose FLOP/s the MFU refers to")
    parser.add_argument("--rounds", type=int, default=2, help="the fastest counts")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    arguments = parser.parse_args(argv)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for tokens in arguments.tokens:
            config = resolved(compose_config(arguments.config, [*single(tokens), *arguments.overrides]))
            setup = setup_from(config)
            config.trainer.device = "cuda" if torch.cuda.is_available() else "cpu"
            if not rows:
                select_platform(config)
                write_model(setup, Path(folder))
            config.actor_rollout_ref.model.path = folder
            rows.append(measure(config, setup, arguments.gpu, arguments.rounds))
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    note = f"{arguments.config} on one {device}, torch {torch.__version__}; GiB without contexts."
    header = ["tokens", "log-probs (s)", "update (s)", "tokens/s", "MFU", "peak (GiB)", "plan (GiB)"]
    publish(arguments.output, Table(header, rows, notes=[note]))


def single(tokens: int) -> list[str]:
    """Overrides that put a recipe on one device, with micro-batches of ``tokens``."""
    actor, rollout = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"
    return [
        "trainer.nnodes=1",
        "trainer.n_gpus_per_node=1",
        f"{actor}.use_dynamic_bsz=true",
        f"{rollout}.log_prob_use_dynamic_bsz=true",
        f"{actor}.ppo_max_token_len_per_gpu={tokens}",
        f"{rollout}.log_prob_max_token_len_per_gpu={tokens}",
    ]


if __name__ == "__main__":
    main()
