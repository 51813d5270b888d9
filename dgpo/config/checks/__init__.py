"""Refuses a config that would fail late or silently, before a cluster starts.

``check(config)`` returns every problem found, each with key, value and remedy. One file a subject.
"""

import logging
import warnings

from omegaconf import DictConfig

from dgpo.config.checks import (
    agents,
    cluster,
    dynamo,
    environment,
    files,
    lora,
    options,
    registries,
    resume,
    reward,
    sizes,
    trainer_modes,
    values,
)
from dgpo.config.checks.finding import Finding, report
from dgpo.config.compose import resolved

__all__ = ["Finding", "check", "report"]

# Of the config by itself.
SETTINGS = (
    registries.registered,
    registries.checkpointing,
    registries.policy_loss,
    reward.reward,
    registries.optimizer,
    registries.rollouts,
    registries.thresholds,
    options.verl_keys,
    options.without_effect,
    options.switched_off,
    options.doubtful,
    options.on_cpu,
    options.filtering,
    options.keeping,
    options.time_limit,
    resume.saved,
    sizes.sharding,
    sizes.output_layer,
    sizes.ulysses,
    sizes.tokens,
    sizes.tensor_parallel,
    sizes.batches,
    sizes.warm_up,
    sizes.order,
    sizes.lengths,
    sizes.verl_own,
    trainer_modes.mode,
    dynamo.allocation,
    dynamo.factors,
    agents.agent,
    lora.lora,
    sizes.fits,
    cluster.niceness,
)
# Of this machine, its files, and the cluster that it reaches.
SURROUNDINGS = (
    environment.versions,
    environment.devices,
    environment.flash_attention,
    environment.weight_transport,
    environment.temporary_files,
    environment.run_folder,
    environment.disk_space,
    resume.going_on,
    files.datasets,
    files.repeated,
    files.contents,
    files.agent_loops,
    files.model,
    reward.own_reward,
    reward.judge,
    dynamo.evidence,
    agents.environments,
    registries.modules,
    cluster.cluster,
    sizes.offloading,
)


def check(composed: DictConfig, *, declared: bool = False) -> list[Finding]:
    """Every problem of a config, in the order of the checks; one that two checks find, or verl's own too, once.

    Where a value is of the wrong kind or out of its range there is nothing to calculate with, and this alone is found.

    Args:
        composed: its interpolations say which values are copies; it may be resolved.
        declared: believe the config about hardware and files, and look at neither: for a run on another machine.
    """
    # verl says at import which of its optional engines are not installed.
    warnings.filterwarnings("ignore", module="verl.*")
    logging.getLogger("hydra.utils").setLevel(logging.CRITICAL)  # what it logs, it raises too
    problems, config = values.malformed(composed), resolved(composed)
    if any(problem.fatal for problem in problems):
        return problems
    for each in SETTINGS if declared else (*SURROUNDINGS, *SETTINGS):
        for problem in each(config):
            of_same_words = [other for other in problems if other.message in problem.message]
            if not of_same_words or (each is not sizes.verl_own and problem not in of_same_words):
                problems.append(problem)
    return problems
