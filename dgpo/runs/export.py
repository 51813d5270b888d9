"""A checkpoint's FSDP shards as a Hugging Face directory, in bfloat16, by verl's own merger; LoRA by `verl`."""

import json
import shutil
import tempfile
from pathlib import Path

from dgpo.errors import UserError, loading
from dgpo.files import give_usual_mode, replace_json
from dgpo.model_files import model_fault
from dgpo.runs.checkpoints import MANIFEST, best_checkpoint, inspect, latest_complete


def export_run(
    source: Path, out: Path | None = None, *, best: bool = False, adapter: bool = False
) -> tuple[Path, Path]:
    """Export a checkpoint; returns it and where it was written.

    Args:
        source: a run folder, of which the newest complete checkpoint is taken, or a checkpoint.
        out: the directory to make; without it the best checkpoint becomes RUN/best-STEP, which RUN/best leads to,
            and is written again where a newer run has replaced it.
        best: take the checkpoint of the run whose step had the highest validation score.
        adapter: write the adapter of a LoRA run alone, instead of the model that it makes.

    Raises:
        UserError: there is nothing to export, or no place for it.
    """
    if best and source.name.startswith("global_step_"):
        raise UserError(f"--best: {source} is one checkpoint; give the run folder, or leave out --best")
    if out is None and (adapter or not best):
        raise UserError("--out: it is missing; give the directory to make; the model of --best has a place in the run")
    checkpoint = find_checkpoint(source, best=best)
    if out is not None:
        export(checkpoint, out, adapter=adapter)
        return checkpoint, out
    target, link = source / f"best-{inspect(checkpoint).step}", source / "best"
    if link.exists() and not link.is_symlink():
        raise UserError(f"{link}: it is no link to an export; move it away")
    # A run that was started afresh has other weights at the same step.
    if target.exists() and target.stat().st_mtime_ns <= (checkpoint / MANIFEST).stat().st_mtime_ns:
        shutil.rmtree(target)
    if not target.exists():
        export(checkpoint, target)
    link.unlink(missing_ok=True)
    link.symlink_to(target.name)
    return checkpoint, target


def find_checkpoint(source: Path, *, best: bool = False) -> Path:
    """The checkpoint meant by ``source``: itself, or a run's newest complete or ``best`` one; UserError without."""
    if source.name.startswith("global_step_"):
        if defect := inspect(source).defect:
            raise UserError(f"{source}: {defect}; choose another checkpoint")
        return source
    if best:
        top = best_checkpoint(source)
        if top is None:
            raise UserError(f"{source}: no complete checkpoint was validated at its step; leave out --best")
        reason = "" if top.measure == "acc" else " (the reward function gives no acc)"
        print(f"step {top.checkpoint.step} has the best {top.measure} of the validations, {top.score:.3f}{reason}")
        return top.checkpoint.path
    why = ""
    for folder in (source / "checkpoints", source):
        checkpoint, skipped = latest_complete(folder)
        if checkpoint is not None:
            return checkpoint.path
        why += "".join(f" ({each.path.name}: {each.defect})" for each in skipped[:1])
    raise UserError(f"{source}: there is no complete checkpoint{why}; give a run folder or a global_step_N folder")


def export(checkpoint: Path, target: Path, *, adapter: bool = False) -> None:
    """Write the actor of ``checkpoint``, or its ``adapter`` alone, to ``target``, which appears only when it is whole.

    Checkpoints are pickles: export only from folders you trust.

    Raises:
        UserError: ``target`` exists or cannot be made, or the checkpoint has neither shards nor the whole model.
    """
    if target.exists():
        raise UserError(f"--out={target}: it exists; choose a new directory")
    actor = checkpoint / "actor"
    # verl writes it beside the shards of an actor that was trained by LoRA.
    lora = actor / "lora_train_meta.json"
    # What save_contents=[hf_model] leaves.
    whole = actor / "huggingface"
    as_model = any(whole.glob("*.safetensors")) and not any(actor.glob("model_world_size_*")) and not lora.is_file()
    for needed in ("fsdp_config.json", "huggingface/config.json", "model_world_size_*_rank_0.pt"):
        if not any(actor.glob(needed)) and not as_model:
            raise UserError(
                f"{checkpoint}: it has no actor/{needed}; choose one saved with "
                "actor_rollout_ref.actor.checkpoint.save_contents=[model,optimizer,extra]"
            )
    if adapter and not lora.is_file():
        raise UserError(f"--adapter: {checkpoint} was trained without LoRA; leave it out")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise UserError(f"--out={target}: it cannot be made ({error.strerror}); choose another place") from error
    with scratch:
        draft = Path(scratch.name) / target.name
        if as_model:
            copy_in_bfloat16(whole, draft)
        else:
            from dgpo.runs.verl import merge

            with loading("model of its shards", str(checkpoint), "free space, or choose another checkpoint"):
                merge(actor, draft, json.loads(lora.read_text()) if lora.is_file() else None, adapter=adapter)
        if not adapter and (fault := model_fault(draft)):
            raise UserError(f"{checkpoint}: of the model that it makes: {fault[0]}; choose another checkpoint")
        # safetensors makes files that only their owner can read.
        give_usual_mode(draft)
        shutil.move(draft, target)


def copy_in_bfloat16(model: Path, target: Path) -> None:
    """Copy a Hugging Face directory, its weights in bfloat16, a file at a time."""
    import torch
    from safetensors.torch import load_file, save_file

    shutil.copytree(model, target, ignore=shutil.ignore_patterns("*.safetensors"))
    for file in model.glob("*.safetensors"):
        tensors = {name: tensor.to(torch.bfloat16) for name, tensor in load_file(file).items()}
        save_file(tensors, target / file.name, metadata={"format": "pt"})
    settings = json.loads((target / "config.json").read_text())
    replace_json(target / "config.json", {**settings, "dtype": "bfloat16"})
