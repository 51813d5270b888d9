"""When a run ends before its last step, and how its processes share the machine with others."""

from collections.abc import Iterator

from omegaconf import DictConfig

from dgpo.cluster import cluster_address
from dgpo.config.checks.finding import Finding
from dgpo.errors import UserError
from dgpo.progress import seconds_of


def stopping(config: DictConfig) -> Iterator[Finding]:
    """The time limit is a duration."""
    run = config.run
    if run.time_limit is not None:
        try:
            seconds_of("run.time_limit", run.time_limit)
        except UserError as error:
            problem, _, remedy = str(error).partition(": ")[2].partition("; ")
            yield Finding("run.time_limit", run.time_limit, problem, remedy)


def niceness(config: DictConfig) -> Iterator[Finding]:
    """The run starts the Ray whose workers have the priority."""
    key, value = "run.worker_niceness", config.run.worker_niceness
    if value is None:
        return
    if cluster_address(config) is not None:
        remedy = "start the nodes with RAY_worker_niceness in their environment, and leave it null"
        yield Finding(key, value, "the workers of a cluster that runs already have the priority of its start", remedy)
