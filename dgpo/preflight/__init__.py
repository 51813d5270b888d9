"""Refuses a config that would fail late or silently, before a cluster starts.

``check(config)`` returns every problem found, each with key, value and remedy. One file a subject.
"""

import warnings

from omegaconf import DictConfig

from dgpo.preflight import environment, files, names, options, sizes
from dgpo.preflight.problem import Problem, report

__all__ = ["Problem", "check", "report"]

CHECKS = (
    environment.versions,
    environment.devices,
    environment.ports,
    environment.run_folder,
    names.registered,
    names.policy_loss,
    names.reward,
    options.verl_keys,
    options.without_effect,
    files.datasets,
    files.model,
    sizes.batches,
    sizes.lengths,
    sizes.verl_own,
)


def check(config: DictConfig) -> list[Problem]:
    """Every problem of a resolved config, in the order of the checks; one that two checks find, once."""
    # verl says at import which of its optional engines are not installed.
    warnings.filterwarnings("ignore", module="verl.*")
    found: list[Problem] = []
    for each in CHECKS:
        for problem in each(config):
            if each is not sizes.verl_own or all(problem.message != other.message for other in found):
                found.append(problem)
    return found
