"""``dgpo export``: a checkpoint's FSDP shards as a Hugging Face directory, in bfloat16, by verl's own merger."""

import argparse
import contextlib
import io
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dgpo.runs.best import best_checkpoint
from dgpo.runs.checkpoints import inspect, latest_complete


class ExportError(ValueError):
    """There is nothing to export, or no place to put it; the message says what to do."""


def find_checkpoint(source: Path, *, best: bool = False) -> Path:
    """The checkpoint meant by ``source``: itself, or of a run folder the newest complete one, or the ``best``.

    Raises:
        ExportError: there is none, or it is not complete.
    """
    if source.name.startswith("global_step_"):
        checkpoint = inspect(source)
        if not checkpoint.complete:
            raise ExportError(f"{source}: {checkpoint.defect}; choose another checkpoint")
        return source
    if best:
        found = best_checkpoint(source)
        if found is None:
            raise ExportError(f"{source}: no complete checkpoint was validated at its step; leave out --best")
        return found[0].path
    for folder in (source / "checkpoints", source):
        checkpoint, _ = latest_complete(folder)
        if checkpoint is not None:
            return checkpoint.path
    raise ExportError(f"{source}: there is no complete checkpoint; give a run folder or a global_step_N folder")


def export(checkpoint: Path, target: Path) -> None:
    """Write the actor of ``checkpoint`` to ``target``, which appears only when it is whole.

    Checkpoints are pickles: export only from folders you trust.

    Raises:
        ExportError: ``target`` exists.
    """
    if target.exists():
        raise ExportError(f"--out={target}: it exists; choose a new directory")
    from verl.model_merger.base_model_merger import ModelMergerConfig
    from verl.model_merger.fsdp_model_merger import FSDPModelMerger

    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
        draft = Path(scratch) / target.name
        actor = checkpoint / "actor"
        config = ModelMergerConfig(
            operation="merge",
            backend="fsdp",
            local_dir=str(actor),
            hf_model_config_path=str(actor / "huggingface"),
            target_dir=str(draft),
        )
        with contextlib.redirect_stdout(io.StringIO()):
            FSDPModelMerger(config).merge_and_save()
        shutil.move(draft, target)


def main(argv: Sequence[str] | None = None) -> int:
    """Export; 0 when done, 2 when there is nothing to export."""
    parser = argparse.ArgumentParser(prog="dgpo export", description=__doc__)
    parser.add_argument("source", type=Path, help="a run folder, or one of its checkpoints/global_step_N")
    parser.add_argument("--out", type=Path, required=True, help="the Hugging Face directory to make")
    parser.add_argument("--best", action="store_true", help="of a run folder: by validation score, not the newest")
    arguments = parser.parse_args(argv)
    try:
        checkpoint = find_checkpoint(arguments.source, best=arguments.best)
        export(checkpoint, arguments.out)
    except ExportError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{checkpoint} -> {arguments.out}")
    return 0
