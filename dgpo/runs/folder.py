"""The folder of one run: who writes in it, what lies where, and where and under which id verl's trackers write.

config.yaml        the resolved config of the last launch
data.json          SHA-256 of the training files of the last launch, and of the ends of the first weights
versions.json      packages, and the verifier of the verdicts, of the last launch
train.log          everything the processes printed
metrics/NNN.jsonl  one file a launch, a line a step: {"step": int, "data": {metric: value}}
validation/        verl's dump of validation answers, one file a validation
checkpoints/       global_step_N, and beside its files a manifest once it is complete
rollouts/          prompt groups that were kept, a folder a step, and the tokenizer that reads them (`kept`)
stop               while it is there, the run ends after the step under way
superseded/NNN/    what there is of later steps than the one that launch NNN started from: checkpoints, W&B id, ...
tensorboard/ wandb/ wandb_id
"""

import netrc
import os
import uuid
from contextlib import ExitStack
from pathlib import Path

from dgpo.files import locked_folder


def numbered(folder: Path) -> list[Path]:
    """The JSON lines of a folder that are named by a launch or a step, in its order; others, as copies that a file
    manager has made, are not the run's."""
    return sorted((file for file in folder.glob("*.jsonl") if file.stem.isdecimal()), key=lambda file: int(file.stem))


class RunFolder:
    """Paths in a run's folder, which it locks for as long as it is open."""

    def __init__(self, path: str | Path):
        self.path = Path(path).resolve()
        self.config = self.path / "config.yaml"
        self.data = self.path / "data.json"
        self.versions = self.path / "versions.json"
        self.log = self.path / "train.log"
        self.metrics = self.path / "metrics"
        self.validation = self.path / "validation"
        self.checkpoints = self.path / "checkpoints"
        self.rollouts = self.path / "rollouts"
        self.superseded = self.path / "superseded"
        self.stop = self.path / "stop"
        self.tensorboard = self.path / "tensorboard"
        self.wandb_id_file = self.path / "wandb_id"
        self._lock = ExitStack()

    def metrics_files(self) -> list[Path]:
        """Metrics of all launches, oldest first."""
        return numbered(self.metrics)

    def validation_files(self) -> list[Path]:
        """verl's dumps of all validations, by step."""
        return numbered(self.validation)

    def next_launch(self) -> int:
        return max((int(file.stem) for file in self.metrics_files()), default=0) + 1

    def new_metrics_file(self) -> Path:
        """A file for this launch: verl's logger empties the file it opens, and earlier steps must stay."""
        self.metrics.mkdir(parents=True, exist_ok=True)
        file = self.metrics / f"{self.next_launch():03d}.jsonl"
        file.touch()
        return file

    def wandb_id(self) -> str:
        """The W&B run id of this folder, made once, so that a resumed run goes on in the same W&B run."""
        self.path.mkdir(parents=True, exist_ok=True)
        file = self.wandb_id_file
        if not file.exists() or not file.read_text().strip():
            file.write_text(uuid.uuid4().hex[:8] + "\n")
        return file.read_text().strip()

    def __enter__(self) -> "RunFolder":
        """Make the folder and lock it; UserError where it cannot be written, or another run holds it."""
        other = "another folder with run.name=... or run.dir=..."
        self._lock.enter_context(locked_folder(self.path, "run.dir", "another run", other))
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()


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
    """Variables of the trainer's process, for the file, TensorBoard and W&B trackers of this launch.

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
