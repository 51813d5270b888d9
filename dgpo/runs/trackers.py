"""Where verl's trackers write, and under which id: they read it from the environment of the trainer's process."""

import netrc
import os

from dgpo.runs.folder import RunFolder


def logged_in_to_wandb() -> bool:
    """Whether a W&B key is at hand: in the environment, or in the netrc file where ``wandb login`` puts it."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        hosts = netrc.netrc().hosts
    except (OSError, netrc.NetrcParseError):
        return False
    return any("wandb" in host for host in hosts)


def tracker_environment(folder: RunFolder) -> dict[str, str]:
    """Variables for the file, TensorBoard and W&B trackers of this launch.

    The W&B id is the folder's, and resuming is allowed, so that a run that is started again goes on in one W&B run.
    Without a login W&B writes offline, for ``wandb sync`` later. The user's ``WANDB_DIR``, ``WANDB_MODE`` and
    ``WANDB_RUN_ID`` stay.
    """
    environment = {
        "VERL_FILE_LOGGER_PATH": str(folder.new_metrics_file()),
        "TENSORBOARD_DIR": str(folder.tensorboard),
        "WANDB_DIR": str(folder.path),
        "WANDB_RUN_ID": folder.wandb_id(),
        "WANDB_RESUME": "allow",
        # Where the workers write the groups that are kept.
        "DGPO_RUN_DIR": str(folder.path),
    }
    if not logged_in_to_wandb():
        environment["WANDB_MODE"] = "offline"
    for name in ("WANDB_DIR", "WANDB_MODE", "WANDB_RUN_ID"):
        if os.environ.get(name):
            environment[name] = os.environ[name]
    return environment
