"""DynaMO's choices, rollouts=dynamo and advantage=dynamo: their values, and settings that take their ground away."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from omegaconf import DictConfig

from dgpo.advantages.dynamo import modulation
from dgpo.config.checks.finding import Finding
from dgpo.config.checks.loading import paths
from dgpo.rollouts.settings import AllocationSettings
from dgpo.rollouts.success import COUNTS, prompt_key
from dgpo.runs.checkpoints import latest_complete
from dgpo.runs.folder import RunFolder

MANAGER = "dgpo.rollouts.verl.AllocatingManager"


def allocation(config: DictConfig) -> Iterator[Finding]:
    """The values of rollouts=dynamo, and what it counts on: whole groups, and an estimator for groups of any size."""
    key = "actor_rollout_ref.rollout.agent.agent_loop_manager_class"
    manager = config.actor_rollout_ref.rollout.agent.get("agent_loop_manager_class")
    if not config.get("rollouts"):
        if manager == MANAGER:
            yield Finding(
                key, manager, "it allocates rollouts, and there is no rollouts section", "add rollouts=dynamo"
            )
        return
    try:
        AllocationSettings.of(config)
    except (ValueError, TypeError) as error:
        name = str(error).partition("=")[0]
        yield Finding(f"rollouts.{name}", config.rollouts.get(name), str(error), "correct it; docs/methods.md, DynaMO")
    if manager != MANAGER:
        yield Finding(
            key, manager, "with rollouts=dynamo it must be the manager that allocates", f"set it to {MANAGER}"
        )
    if config.algorithm.filter_groups.enable:
        yield Finding(
            "algorithm.filter_groups.enable",
            True,
            "the groups that it drops, all right or all wrong, are the evidence that rollouts=dynamo counts",
            "set it to false, or leave rollouts=dynamo out",
        )
    estimator = config.algorithm.adv_estimator
    if estimator == "remax":
        message = "its greedy answer is one of rollout.n, and rollouts=dynamo gives prompts other numbers"
        yield Finding("algorithm.adv_estimator", estimator, message, "use grpo, or leave rollouts=dynamo out")
    elif estimator == "gae":
        message = "a critic's updates are of rollout.n answers a prompt, and rollouts=dynamo gives other numbers"
        yield Finding("algorithm.adv_estimator", estimator, message, "use grpo, or leave rollouts=dynamo out")


def factors(config: DictConfig) -> Iterator[Finding]:
    """The values of advantage=dynamo, and the entropy that it reads."""
    if not config.get("advantage"):
        return
    try:
        modulation(*[torch.zeros(0, 0)] * 4, **config.advantage)
    except (ValueError, TypeError) as error:
        name = str(error).partition("=")[0]
        yield Finding(
            f"advantage.{name}", config.advantage.get(name), str(error), "correct it; docs/methods.md, DynaMO"
        )
    if config.algorithm.rollout_correction.bypass_mode:
        message = "it computes no old log-probs and no entropies, which advantage=dynamo reads"
        yield Finding("algorithm.rollout_correction.bypass_mode", True, message, "set it to false")


def evidence(config: DictConfig) -> Iterator[Finding]:
    """What rollouts=dynamo will know of a prompt: the counts of the run that goes on, one counter for equal prompts."""
    if not config.get("rollouts"):
        return
    checkpoint = None
    if config.trainer.resume_mode == "resume_path":
        checkpoint = Path(str(config.trainer.resume_from_path))
    elif config.trainer.resume_mode == "auto":
        latest, _ = latest_complete(RunFolder(config.run.dir).checkpoints)
        checkpoint = latest and latest.path
    if checkpoint and not (checkpoint / COUNTS).is_file():
        yield Finding(
            "rollouts",
            "dynamo",
            f"{checkpoint} has no {COUNTS}: the run that saved it counted nothing, and rollouts begin uniform",
            "go on if that is meant; a new run.dir begins anew",
            fatal=False,
        )
    yield from _equal_prompts(config)


def _equal_prompts(config: DictConfig) -> Iterator[Finding]:
    seen = Counter[str]()
    data = config.data
    try:
        for path in paths(data.train_files):
            with pq.ParquetFile(Path(path).expanduser()) as file:
                columns = ["data_source", data.prompt_key, "reward_model"]
                for batch in file.iter_batches(batch_size=8192, columns=columns):
                    for row in batch.to_pylist():
                        truth = row["reward_model"]["ground_truth"]
                        seen[prompt_key(row["data_source"], row[data.prompt_key], truth)] += 1
    except (OSError, KeyError, TypeError, pa.ArrowException):
        return  # `files.datasets` says what is wrong with it
    again = seen.total() - len(seen)
    if again:
        yield Finding(
            "data.train_files",
            paths(data.train_files),
            f"{again} of {seen.total()} rows repeat prompt, data source and ground truth of another, and equal prompts "
            "share a counter in rollouts=dynamo",
            "go on if that is meant, or prepare the files without duplicates",
            fatal=False,
        )
