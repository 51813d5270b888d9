"""The model to evaluate: a Hugging Face directory, a hub id, a checkpoint or a run folder."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgpo.errors import UserError
from dgpo.evaluation.error import EvalError
from dgpo.files import file_sha256

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_HUB_FILES = ["*.safetensors", "*.json", "*.jinja", "*.txt", "*.model"]
_SHAPE = ("architectures", "hidden_size", "num_hidden_layers", "vocab_size")


@dataclass(frozen=True)
class Model:
    """Where the files are, and what the settings say of them.

    `revision` is the hub's commit, or for local files "sha256:" and a hash over all of them.
    """

    path: Path
    name: str
    revision: str
    config: dict[str, Any]

    @property
    def dtype(self) -> str:
        """The data type that the model's own config names."""
        return str(self.config.get("dtype") or self.config.get("torch_dtype") or "bfloat16")

    def facts(self) -> dict[str, Any]:
        """For the settings of a run."""
        return {"name": self.name, "revision": self.revision, **{key: self.config.get(key) for key in _SHAPE}}


def find_model(model: str, revision: str | None, exports: Path, say: Callable[[str], None]) -> Model:
    """The model meant by `--model`.

    A checkpoint or a run folder is exported to `exports/model-HASH` first, and found there the next time.

    Raises:
        EvalError: there is no such model, or the hub cannot be reached.
    """
    path = Path(model)
    if path.is_dir():
        if revision is not None:
            raise EvalError(f"--revision={revision}: it is for models of the hub, and {model} is a directory; drop it")
        folder = path if (path / "config.json").is_file() else _exported(path, exports, say)
        return Model(folder, model, f"sha256:{_files_sha256(folder)}", _config(folder))
    if path.exists() or not _HUB_ID.fullmatch(model):
        raise EvalError(
            f"--model={model}: there is no such directory, and it is no hub id (OWNER/NAME) either; give a "
            "Hugging Face directory, a run folder, or a checkpoint's global_step_N"
        )
    folder = _downloaded(model, revision)
    return Model(folder, model, folder.name, _config(folder))


def _downloaded(model: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(model, revision=revision, allow_patterns=_HUB_FILES))
    except (OSError, ValueError) as error:  # what huggingface_hub raises for no network, no repository, no revision
        raise EvalError(
            f"--model={model}: it is no local directory, and the hub gives no such model "
            f"({' '.join(str(error).split())[:200]}); download it where there is a network with "
            f"`hf download {model} --local-dir DIR` and pass --model DIR"
        ) from error


def _exported(source: Path, exports: Path, say: Callable[[str], None]) -> Path:
    from dgpo.runs.checkpoints import MANIFEST
    from dgpo.runs.export import export, find_checkpoint

    try:
        checkpoint = find_checkpoint(source)
    except UserError as error:
        raise EvalError(f"--model: {error}") from error
    # The manifest tells this checkpoint from one that a later run left in its place.
    identity = f"{checkpoint.resolve()}\n{(checkpoint / MANIFEST).read_text()}"
    target = exports / f"model-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"
    if not target.is_dir():
        say(f"exporting {checkpoint} to {target}")
        export(checkpoint, target)
    return target


def _config(folder: Path) -> dict[str, Any]:
    file = folder / "config.json"
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise EvalError(f"{file}: it cannot be read ({error}); download or export the model again") from error


def _files_sha256(folder: Path) -> str:
    """Hash over name and content of every file that decides what the model says."""
    digest = hashlib.sha256()
    files = {file for pattern in (*_HUB_FILES, "*.bin") for file in folder.glob(pattern)}
    for file in sorted(files):
        digest.update(f"{file.name} {file_sha256(file)}\n".encode())
    return digest.hexdigest()
