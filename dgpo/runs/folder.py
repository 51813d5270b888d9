"""The folder of one run: who writes in it, and what lies where.

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
