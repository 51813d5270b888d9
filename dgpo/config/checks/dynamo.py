"""Checks of DynaMO, rollouts=dynamo and advantage=dynamo: their values, and settings that they cannot work with."""

from collections.abc import Iterator

import torch
from omegaconf import DictConfig

from dgpo.advantages.dynamo import modulation
from dgpo.config.checks.finding import Finding, finding, refusal
from dgpo.config.checks.resume import checkpoint_to_resume
from dgpo.rollouts.allocation import AllocationSettings
from dgpo.rollouts.success import COUNTS


def allocation(config: DictConfig) -> Iterator[Finding]:
    """The values of rollouts=dynamo; it needs whole groups, and an estimator for groups of any size."""
    if not config.get("rollouts"):
        return
    try:
        AllocationSettings.of(config)
    except (ValueError, TypeError) as error:
        yield refusal(config, "rollouts", error, "correct it; docs/methods.md, DynaMO")
    if config.algorithm.filter_groups.enable:
        message = "the groups that it drops, all right or all wrong, are the evidence that rollouts=dynamo counts"
        remedy = "set it to false, or leave rollouts=dynamo out"
        yield finding(config, "algorithm.filter_groups.enable", message, remedy)


def factors(config: DictConfig) -> Iterator[Finding]:
    """The values of advantage=dynamo, and the entropy that it reads."""
    if not config.get("advantage"):
        return
    try:
        modulation(*[torch.zeros(0, 0)] * 4, **config.advantage)
    except (ValueError, TypeError) as error:
        yield refusal(config, "advantage", error, "correct it; docs/methods.md, DynaMO")
    if config.algorithm.rollout_correction.bypass_mode:
        message = "it computes no old log-probs and no entropies, which advantage=dynamo reads"
        yield finding(config, "algorithm.rollout_correction.bypass_mode", message, "set it to false")


def evidence(config: DictConfig) -> Iterator[Finding]:
    """The success counts of rollouts=dynamo: a resumed run has them."""
    if not config.get("rollouts"):
        return
    checkpoint, _ = checkpoint_to_resume(config)
    if checkpoint and not (checkpoint / COUNTS).is_file():
        message = f"{checkpoint} has no {COUNTS}: the run that saved it counted nothing, and rollouts begin uniform"
        remedy = "go on if that is meant; a new run.dir begins anew"
        yield Finding("rollouts", "dynamo", message, remedy, fatal=False)
