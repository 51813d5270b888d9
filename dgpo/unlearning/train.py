"""An unlearning run: compose the config, tokenize the rows, train on every rank, save checkpoints, export.

Every rank runs `train_from`: a single rank in the process that was called, several under torchrun.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from dgpo.config.compose import compose_config, resolved, select_platform
from dgpo.config.last import changes, last_config
from dgpo.console import captured_output, tail
from dgpo.errors import UserError, loading
from dgpo.files import flatten, json_object, make_folder, replace_json, replace_text
from dgpo.model_files import model_fault, refuse, weights_digests
from dgpo.progress import duration, say
from dgpo.runs.checkpoints import MANIFEST, latest_complete, prune, write_fault, write_manifest
from dgpo.runs.export import export
from dgpo.runs.folder import RunFolder, tracker_environment
from dgpo.unlearning.batches import Examples, batch_of, counts_of, examples_of, share_of_rank
from dgpo.unlearning.losses import Method
from dgpo.unlearning.settings import Settings, parse_settings

EXPORT, EXPORTED = "hf", "exported.json"
"""The trained model in a run's folder, and the step that it is of."""
OF_A_RUN = ("seed", "model.", "method.", "train.", "trainer.n_gpus_per_node")
MAY_CHANGE = ("model.attention", "model.gradient_checkpointing", "method.name", "train.micro_batch_size", "train.steps")
MAY_CHANGE += ("train.epochs", "train.save_every", "train.keep")
"""Of the settings that begin like these those that may be others when a run goes on."""


def load_tokenizer(path: str) -> Any:
    from transformers import AutoTokenizer

    with loading("tokenizer", f"model.path={path}", "give a model"):
        return AutoTokenizer.from_pretrained(path)


def config_of(path: str, key: str) -> Any:
    """A model's config; UserError where it is no whole model, or scales its logits behind the head."""
    from transformers import AutoConfig

    # Of a reference the tokenizer is not used.
    if key == "model.path" and Path(path).is_dir():
        refuse(f"{key}={path}", model_fault(Path(path)))
    with loading("model", f"{key}={path}", "give a folder or hub id"):
        config: Any = AutoConfig.from_pretrained(path)
    for name in ("final_logit_softcapping", "logit_scale", "logits_scaling"):
        if getattr(config, name, None) not in (None, 1, 1.0):
            raise UserError(f"{key}={path}: it changes its logits behind the head ({name}), which no loss here sees")
    return config


def weights_of(settings: Settings) -> list[str]:
    """Digests of the weights of the starting model and of the reference; none of a hub id's."""
    paths = (settings.model.path, settings.model.reference)
    return [*weights_digests(*(Path(path) for path in paths if path)).values()]


def steps_of(settings: Settings, examples: Examples) -> tuple[int, int]:
    """(steps of the run, steps of an epoch)."""
    rows = len(examples.forget) or len(examples.retain)
    an_epoch = -(-rows // settings.train.batch_size)
    return settings.train.steps or settings.train.epochs * an_epoch, an_epoch


def train_rank(
    settings: Settings, method: Method, examples: Examples, folder: RunFolder, show: Callable[[str], None]
) -> None:
    """The steps of this rank, from the newest complete checkpoint on."""
    import torch
    from verl.utils.tracking import Tracking

    from dgpo.unlearning.verl import Trainer

    total, an_epoch = steps_of(settings, examples)
    if settings.train.warmup_steps is None:
        settings.train.warmup_steps = min(an_epoch, total - 1)
    trainer = Trainer(settings, method, settings.model.path, total)
    rank, ranks = torch.distributed.get_rank(), torch.distributed.get_world_size()
    checkpoint, _ = latest_complete(folder.checkpoints)
    start = checkpoint.step if checkpoint else 0
    if method.needs_reference:
        facts = [settings.model.reference or settings.model.path, settings.model.dtype, method.representation]
        facts += weights_of(settings)
        place = folder.path / "reference" / sha256(json.dumps([*facts, examples.digest]).encode()).hexdigest()[:16]
        if not trainer.read_reference(place):
            show("one pass of the model before over the forget rows")
            before = settings.model.reference
            writer = Trainer(settings, method, before, total) if before else trainer
            writer.write_reference(examples.referenced(method), place)
            del writer
            trainer.read_reference(place)
    if checkpoint:
        trainer.engine.load_checkpoint(str(checkpoint.path / "actor"), del_local_after_load=False)
        trainer.engine.method = replace(method, **json_object(checkpoint.path / MANIFEST).get("method", {}))
    names = (settings.trainer.project, settings.run.name, settings.trainer.logger)
    tracking = Tracking(*names, config={}) if rank == 0 else None
    began = time.monotonic()
    for step in range(start, total):
        batch = batch_of(settings, method, examples, step)
        mine = share_of_rank(batch, rank, ranks, 2 if method.needs_alternatives else 1)
        metrics = trainer.step(mine, counts_of(batch))
        if tracking is not None:
            tracking.log({f"actor/{name}": value for name, value in metrics.items()}, step=step + 1)
            left = duration((time.monotonic() - began) / (step + 1 - start) * (total - step - 1))
            # Only figures, never a text of a row.
            figures = " ".join(f"{name} {value:.4g}" for name, value in metrics.items())
            show(f"step {step + 1}/{total} {figures} · {left} left")
        last, every = step + 1 == total, settings.train.save_every
        if last or (every and (step + 1) % every == 0):
            save(trainer, folder, step + 1, rank, settings, examples)
    if tracking is not None:
        tracking.finish()


def save(trainer: Any, folder: RunFolder, step: int, rank: int, settings: Settings, examples: Examples) -> None:
    import torch

    path = folder.checkpoints / f"global_step_{step}"
    trainer.engine.save_checkpoint(str(path / "actor"), global_step=step)
    torch.distributed.barrier()
    if rank == 0:
        facts = {"method": trainer.engine.method.adapted(), "rows": examples.digest, "weights": weights_of(settings)}
        write_manifest(path, step=step, **facts)
        prune(folder.checkpoints, settings.train.keep)
    torch.distributed.barrier()


def check_model(settings: Settings, method: Method) -> None:
    """Raises UserError where method or reference do not fit the model."""
    config = config_of(settings.model.path, "model.path")
    vocabulary = config.vocab_size
    try:
        method.check(vocabulary, config.num_hidden_layers)
    except ValueError as error:
        raise UserError(f"method.{error}") from error
    if settings.model.reference:
        other = config_of(settings.model.reference, "model.reference").vocab_size
        if other != vocabulary:
            raise UserError(
                f"model.reference={settings.model.reference}: it has a vocabulary of {other}, the model one of "
                f"{vocabulary}; give the model before, or null"
            )


def refuse_another_run(settings: Settings, config: DictConfig, examples: Examples) -> None:
    """Raises UserError where the folder has a checkpoint of another method, model or rows, or of a later step."""
    folder = RunFolder(settings.run.dir)
    checkpoint, _ = latest_complete(folder.checkpoints)
    if checkpoint is None or (before := last_config(folder)) is None:
        return
    keys = sorted(flatten(OmegaConf.to_container(before)), key=lambda key: (key != "method.loss", key))  # pyright: ignore[reportArgumentType]
    fixed = (key for key in keys if key.startswith(OF_A_RUN) and key not in MAY_CHANGE)
    for key, old, new in changes(before, config, fixed):
        raise UserError(f"{key}={new}: {folder.path} was trained with {old}; use that, or another run.name")
    manifest = json_object(checkpoint.path / MANIFEST)
    if manifest.get("weights", weights := weights_of(settings)) != weights:
        raise UserError(
            f"model.path={settings.model.path}: its weights, or those of model.reference, are others than "
            f"{folder.path} began with; restore them, or give another run.name"
        )
    if manifest.get("rows", examples.digest) != examples.digest:
        raise UserError(
            f"data.forget={settings.data.forget}: {folder.path} was trained on other rows of this or of "
            f"data.retain={settings.data.retain}; restore them, or give another run.name"
        )
    if checkpoint.step > (total := steps_of(settings, examples)[0]):
        raise UserError(f"train.steps={total}: {folder.path} has {checkpoint.step} already; give another run.name")


def run(settings: Settings, method: Method, config: DictConfig, examples: Examples) -> int:
    """Train on this rank, and on the first one write what is left; the exit status."""
    rank, ranks = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    folder = RunFolder(settings.run.dir)
    total, _ = steps_of(settings, examples)
    checkpoint, _ = latest_complete(folder.checkpoints)
    target = folder.path / EXPORT
    exported = json_object(folder.path / EXPORTED).get("step") if target.is_dir() else None
    is_done = checkpoint is not None and checkpoint.step >= total and exported == checkpoint.step
    if rank:
        # The first rank may not have come to it yet.
        make_folder(folder.path, "run.dir")
        if not is_done:
            with captured_output(folder.log):
                train_rank(settings, method, examples, folder, lambda text: None)
        return 0
    with folder:
        os.environ.update(tracker_environment(folder))
        replace_text(folder.config, OmegaConf.to_yaml(config))
        at = f", going on from step {checkpoint.step}" if checkpoint else ""
        print(
            f"run folder {folder.path}{at}\n{len(examples.forget)} forget rows, {len(examples.retain)} retain rows, "
            f"{total} steps, {ranks} rank{'s' * (ranks > 1)}; full output: {folder.log}",
            flush=True,
        )
        if not is_done:
            try:
                with captured_output(folder.log) as terminal:
                    train_rank(settings, method, examples, folder, lambda text: print(text, file=terminal))
            except KeyboardInterrupt:
                checkpoint, _ = latest_complete(folder.checkpoints)
                at = f"goes on from step {checkpoint.step}" if checkpoint else "begins anew: train.save_every is longer"
                print(f"interrupted; the same command {at}", file=sys.stderr)
                return 130
            except Exception as error:
                cause = f"{type(error).__name__}: {error}"
                print(f"the run failed: {cause}{write_fault(cause, folder.path)}\n{tail(folder.log)}", file=sys.stderr)
                return 1
            write_export(folder, target)
        print(f"the model: {target}")
    return 0


def write_export(folder: RunFolder, target: Path) -> None:
    """The newest checkpoint as a Hugging Face directory, in place of an older one."""
    checkpoint, _ = latest_complete(folder.checkpoints)
    assert checkpoint is not None
    (folder.path / EXPORTED).unlink(missing_ok=True)
    if target.exists():
        shutil.rmtree(target)
    with captured_output(folder.log):
        export(checkpoint.path, target)
    replace_json(folder.path / EXPORTED, {"step": checkpoint.step})


def train_from(
    name: str, overrides: Sequence[str] = (), directory: Path | None = None, *, dry_run: bool = False
) -> int:
    """Compose, check, train; 0 when done, 1 when the run failed.

    Args:
        dry_run: print the resolved config, check it with its files, and stop.

    Raises:
        UserError: the config, a file of it or a row of that is refused.
    """
    config = resolved(compose_config(name, overrides, directory))
    if "method" not in config:
        raise UserError(
            f"--config-name={name}: it has no method, so it is no config of unlearning; take unlearn, or one "
            "of your own that builds on unlearning"
        )
    settings, method = parse_settings(config)
    if dry_run:
        print(OmegaConf.to_yaml(config))
    select_platform(config)
    check_model(settings, method)
    examples = examples_of(settings, method, load_tokenizer(settings.model.path))
    total, an_epoch = steps_of(settings, examples)
    if (warmup := settings.train.warmup_steps or 0) >= total and not int(os.environ.get("RANK", 0)):
        print(
            f"warning: train.warmup_steps={warmup}: the run has {total} steps, so that the rate never rises to "
            "train.lr; lower it",
            file=sys.stderr,
        )
    refuse_another_run(settings, config, examples)
    if dry_run:
        print(f"{total} steps, {an_epoch} an epoch")
        return 0
    refuse_missing_gpus(settings)
    if "RANK" not in os.environ:
        if (ranks := settings.trainer.n_gpus_per_node) > 1:
            say(f"starting {ranks} ranks")
            again = ["unlearn", "train", "--config-name", name, *overrides]
            again += ["--config-dir", str(directory)] if directory else []
            launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
            sys.stdout.flush()
            os.execv(sys.executable, [*launcher, "-m", "dgpo.cli", *again])
        from verl.utils.net_utils import get_free_port

        port, _ = get_free_port(host := "127.0.0.1")
        os.environ.update(RANK="0", LOCAL_RANK="0", WORLD_SIZE="1", MASTER_ADDR=host, MASTER_PORT=str(port))
    return run(settings, method, config, examples)


def refuse_missing_gpus(settings: Settings) -> None:
    """Raises UserError where this machine has not the GPUs that the config asks for."""
    import torch

    trainer, there = settings.trainer, torch.cuda.device_count()
    if trainer.device == "cuda" and there < trainer.n_gpus_per_node:
        raise UserError(
            f"trainer.n_gpus_per_node={trainer.n_gpus_per_node}: this machine has {there}; take as many at most, or "
            "trainer.device=cpu model.dtype=fp32 model.attention=sdpa for a small model"
        )
