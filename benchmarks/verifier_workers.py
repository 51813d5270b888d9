"""Throughput inside verl's reward workers: dgpo's reward function against verl's math_verify on the same responses.

    python -m benchmarks.verifier_workers CASES.jsonl --output benchmarks/results/verifier_workers.md

verl's own `RewardLoopManager` starts the workers as Ray actors and hands them one batch, as at the end of a rollout:
token ids, decoded there. Each function is warmed up with other responses first; then every
response is scored once, so that no cache can help. Hostile cases are left out.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import arguments_of, publish
from benchmarks.verifier_cases import Case, read_cases
from dgpo.tables import Table

MAX_TOKENS = 2048
"""Of the end of a response; the tokenizer here has one token a byte."""
WARM_UPS = 3
"""Batches before those that count: verl's first ones take longer by themselves."""
PROBLEMS = 16
"""Of each form, in a batch of the warm-up."""
CONTENDERS = {
    "dgpo": [
        "reward.custom_reward_function.path=pkg://dgpo.rewards.verl",
        "reward.custom_reward_function.name=compute_score",
    ],
    "verl math_verify": [
        f"reward.custom_reward_function.path={Path(__file__).resolve()}",
        "reward.custom_reward_function.name=verl_math_verify",
        "~reward.custom_reward_function.reward_kwargs",
        "reward.reward_manager.source=register",
        "reward.reward_manager.name=naive",
    ],
}


def verl_math_verify(data_source: str, solution_str: str, ground_truth: str, extra_info: Any = None) -> float:
    """verl's scorer behind the signature of a reward function."""
    from verl.utils.reward_score import math_verify

    return math_verify.compute_score(solution_str, ground_truth)


def make_batch(cases: Sequence[Case], tokenizer: Any) -> Any:
    """verl's DataProto of the responses: a prompt of one token, responses padded on the right."""
    import numpy as np
    import torch
    from verl import DataProto

    ids = [tokenizer(case.response, add_special_tokens=False)["input_ids"][-MAX_TOKENS:] for case in cases]
    responses = torch.full((len(cases), max(map(len, ids))), tokenizer.pad_token_id)
    mask = torch.zeros_like(responses)
    for row, tokens in enumerate(ids):
        responses[row, : len(tokens)] = torch.tensor(tokens)
        mask[row, : len(tokens)] = 1
    prompts = torch.zeros(len(cases), 1, dtype=responses.dtype)
    return DataProto.from_dict(
        tensors={
            "prompts": prompts,
            "responses": responses,
            "attention_mask": torch.cat([torch.ones_like(prompts), mask], dim=1),
        },
        non_tensors={
            "data_source": np.array(["benchmark"] * len(cases), dtype=object),
            "reward_model": np.array([{"ground_truth": case.gold} for case in cases], dtype=object),
            "extra_info": np.array([{} for _ in cases], dtype=object),
        },
    )


def measure(
    overrides: Sequence[str], batches: Mapping[str, Sequence[Case]], model: Path, workers: int
) -> dict[str, tuple[float, float]]:
    """For each batch the seconds it took, and the share of rewards that agree with the labels."""
    import ray
    from transformers import AutoTokenizer
    from verl.experimental.reward_loop import RewardLoopManager

    from dgpo.config.compose import compose_config, resolved, select_platform

    config = resolved(
        compose_config(
            "quickstart",
            [f"actor_rollout_ref.model.path={model}", f"reward.num_workers={workers}", "run.dir=.", *overrides],
        )
    )
    select_platform(config)
    tokenizer = AutoTokenizer.from_pretrained(model)
    manager = RewardLoopManager(config)
    forms = ((r"N+x\sqrt{N}", r"x\sqrt{N}+N"), ("N+f(x)", "f(x)+N"), ("x-N<y", "y>x-N"), ("xy-N=0", "y=N/x"))
    for first in range(2, 2 + WARM_UPS * PROBLEMS, PROBLEMS):
        warm_up = [
            Case("real", f"so $\\boxed{{{answer}}}$".replace("N", str(n)), gold.replace("N", str(n)), True)
            for n in range(first, first + PROBLEMS)
            for answer, gold in forms
        ]
        manager.compute_rm_score(make_batch(warm_up, tokenizer))
    told = {}
    for name, cases in batches.items():
        batch = make_batch(cases, tokenizer)
        started = time.monotonic()
        scored = manager.compute_rm_score(batch)
        seconds = time.monotonic() - started
        rewards = scored.batch["rm_scores"].sum(dim=1).tolist()
        labelled = [(case, reward) for case, reward in zip(cases, rewards, strict=True) if case.expected is not None]
        told[name] = seconds, sum((reward > 0) == case.expected for case, reward in labelled) / max(1, len(labelled))
    for worker in manager.reward_loop_workers:
        ray.kill(worker)
    return told


def main(argv: Sequence[str] | None = None) -> None:
    parser = arguments_of(__doc__)
    parser.add_argument("cases", type=Path, metavar="CASES.jsonl")
    parser.add_argument("--workers", type=int, default=2, help="verl's reward.num_workers (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="with processes anew (default: %(default)s)")
    arguments = parser.parse_args(argv)
    os.environ.setdefault("VERL_LOGGING_LEVEL", "ERROR")
    import ray

    from dgpo.tasks.small_model import create

    cases = read_cases(arguments.cases)
    batches = {group: [case for case in cases if case.group == group] for group in ("real", "core")}
    batches = {group: batch for group, batch in batches.items() if batch}
    root = str(Path(__file__).resolve().parent.parent)
    ray.init(
        address="local",
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": root, "VERL_PLATFORM": "cpu", "VERL_LOGGING_LEVEL": "ERROR"}},
    )
    rows = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            model = Path(folder) / "model"
            create(model, seed=0)
            runs = [
                {name: measure(given, batches, model, arguments.workers) for name, given in CONTENDERS.items()}
                for _ in range(arguments.repeats)
            ]
    finally:
        ray.shutdown()
    for group, batch in batches.items():
        medians = {name: statistics.median(run[name][group][0] for run in runs) for name in CONTENDERS}
        for name, seconds in medians.items():
            rate, ratio = len(batch) / seconds, max(medians.values()) / seconds
            agrees = f"{100 * runs[-1][name][group][1]:.1f}"
            rows.append((f"{len(batch)} {group}", name, f"{seconds:.2f}", f"{rate:.0f}", f"{ratio:.1f}", agrees))
    note = (
        "Real: outputs of models. Core: answers made to be hard, many of which need algebra. Each response "
        f"is scored once by fresh processes, {arguments.workers} of verl's reward workers on {os.cpu_count()} cores; "
        f"medians of {arguments.repeats} times. The machine had other work: only the ratio is a result."
    )
    head = ("responses", "reward function", "seconds", "responses/s", "×", "agrees with the labels %")
    publish(arguments.output, Table(head, rows, notes=[note]))


if __name__ == "__main__":
    main()
