"""When a run ends before its last step, and how its processes share the machine with others."""

from collections.abc import Iterator

from omegaconf import DictConfig

from dgpo.cluster import cluster_address
from dgpo.config.checks.finding import Finding
from dgpo.errors import UserError
from dgpo.progress import seconds_of


def stopping(config: DictConfig) -> Iterator[Finding]:
    """The time limit and the time for a checkpoint are durations, and the switch is one."""
    run = config.run
    if run.time_limit is not None:
        try:
            seconds_of("run.time_limit", run.time_limit)
        except UserError as error:
            problem, _, remedy = str(error).partition(": ")[2].partition("; ")
            yield Finding("run.time_limit", run.time_limit, problem, remedy)
    if not isinstance(run.save_on_signal, bool):
        yield Finding("run.save_on_signal", run.save_on_signal, "it is a switch", "set it to true or false")
    if isinstance(run.grace_s, bool) or not isinstance(run.grace_s, int | float) or not run.grace_s > 0:
        yield Finding("run.grace_s", run.grace_s, "it must be above 0", "set it to the seconds until you are killed")


def niceness(config: DictConfig) -> Iterator[Finding]:
    """The priority of Ray's workers is one, and the run starts the Ray that it is for."""
    key, value = "run.worker_niceness", config.run.worker_niceness
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 19:
        yield Finding(key, value, "it is a priority from 0 to 19", "set it to 0 to run like any other process")
    elif cluster_address(config) is not None:
        remedy = "start the nodes with RAY_worker_niceness in their environment, and leave it null"
        yield Finding(key, value, "the workers of a cluster that runs already have the priority of its start", remedy)
