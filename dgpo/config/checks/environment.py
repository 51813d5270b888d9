"""The machine: package versions, accelerators, ports, the run folder and the space in it."""

import contextlib
import importlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from dgpo import cuda
from dgpo.cluster import cluster_address
from dgpo.config.checks.finding import Finding, finding
from dgpo.config.checks.loading import prompt_files
from dgpo.config.checks.trainer_modes import gpu_groups
from dgpo.config.memory.lora import adapter_parameters, lora_from
from dgpo.config.memory.setup import ACTOR, MODEL, ROLLOUT
from dgpo.config.memory.shape import shape_from
from dgpo.errors import UserError
from dgpo.files import json_object
from dgpo.runs.checkpoints import NAME, find
from dgpo.runs.folder import RunFolder
from dgpo.versions import environment_problems, install_command

# fp32 weights and two Adam moments, in bytes a parameter; what verl saves for an actor.
CHECKPOINT_BYTES_PER_PARAMETER = 12
# Of the 107 that a socket's name may have, what Ray adds: /ray/session_<time>_<process>/sockets/plasma_store.
LONGEST = 107 - 68


def versions(config: DictConfig) -> Iterator[Finding]:
    """Installed packages are those of the platform's lock file."""
    platform = "cpu" if config.trainer.device == "cpu" else "gpu"
    for problem in environment_problems(platform):
        sentence, _, remedy = problem.rpartition(": ")
        yield Finding("environment", platform, sentence, remedy)


def devices(config: DictConfig) -> Iterator[Finding]:
    """This machine has the accelerators, driver and compilers that the config needs; not checked on a cluster."""
    import torch

    needed = config.trainer.n_gpus_per_node
    if config.trainer.device != "cuda" or cluster_address(config) is not None:
        return
    count = torch.cuda.device_count()
    apart = sum(nodes * gpus for _, nodes, gpus in gpu_groups(config)[1:])
    if count < needed + apart:
        message = f"this machine has {count} CUDA devices" + (f", and {apart} more are to answer" if apart else "")
        remedy = f"set it to {count}, or train on the CPU with hardware=cpu"
        if not count:
            remedy = "train on the CPU with hardware=cpu, or start a Ray cluster on GPU nodes and set RAY_ADDRESS"
        yield finding(config, "trainer.n_gpus_per_node", message, remedy)
    for message, remedy in cuda.missing():
        yield finding(config, "trainer.device", message, remedy)


def flash_attention(config: DictConfig) -> Iterator[Finding]:
    """flash-attn, which is installed separately, is there where it is needed, and fits torch."""
    model = config.actor_rollout_ref.model
    attention = model.override_config.get("attn_implementation", "flash_attention_2")
    if config.trainer.device != "cuda" or not (model.use_remove_padding or attention == "flash_attention_2"):
        return
    try:
        importlib.import_module("flash_attn")
    except ImportError as error:
        key, value = f"{MODEL}.override_config.attn_implementation", attention
        if model.use_remove_padding:
            key, value = f"{MODEL}.use_remove_padding", True
        yield Finding(key, value, f"flash_attn cannot be imported: {error}", f"run `{install_command('gpu')}`")


def weight_transport(config: DictConfig) -> Iterator[Finding]:
    """The engine that carries weights to the rollouts is installed; verl would ask only once the actors are built."""
    from verl.checkpoint_engine import CheckpointEngineRegistry
    from verl.utils.import_utils import import_external_libs

    engine = config.actor_rollout_ref.rollout.checkpoint_engine
    try:
        import_external_libs(engine.custom_backend_module or None)
        CheckpointEngineRegistry.get(engine.backend)
    except (ImportError, ValueError) as error:
        remedy = "install what its module lacks (scripts/install.sh gpu installs cupy for nccl), or correct the name"
        yield finding(config, f"{ROLLOUT}.checkpoint_engine.backend", str(error), remedy)


def temporary_files(config: DictConfig) -> Iterator[Finding]:
    """Ray and the compilers can use the folder of temporary files; they would say so minutes later, and not why."""
    folder = tempfile.gettempdir()
    if not re.fullmatch("[!-~]+", folder):
        message = "Ray takes ASCII alone in its name, and compilers split it at a space"
        yield Finding("TMPDIR", folder, message, "choose another: TMPDIR=/tmp")
        return
    rays_own = OmegaConf.select(config, "ray_kwargs.ray_init._temp_dir") or os.environ.get("RAY_TMPDIR")
    if not rays_own and cluster_address(config) is None and len(folder) > LONGEST:
        message = f"Ray's sockets lie below it, and no socket may have such a long name; it may have {LONGEST} letters"
        yield Finding("TMPDIR", folder, message, "choose another: TMPDIR=/tmp")


def run_folder(config: DictConfig) -> Iterator[Finding]:
    """The run folder is one of a run's own, holds all of the run, and can be written."""
    path = Path(config.run.dir).absolute()
    for key, folder in (("default_local_dir", "checkpoints"), ("validation_data_dir", "validation")):
        if Path(config.trainer[key]).absolute() != path / folder:
            message = f"resuming, pruning and reports look in {path / folder}"
            yield Finding(f"trainer.{key}", config.trainer[key], message, "leave it out, and choose run.dir")
    if re.search(r"\$\w|://", config.run.dir):
        message = "it would be the name of a local folder, with what looks like a shell variable or an address in it"
        yield finding(config, "run.dir", message, "give a folder that all nodes see; ${oc.env:NAME} is a variable")
    if any(path.glob("global_step_*")) or NAME.fullmatch(path.name):
        run = path.parent.parent if NAME.fullmatch(path.name) else path.parent
        yield finding(config, "run.dir", "it is a run's folder of checkpoints, or one of them", f"to go on give {run}")
    of_prompts = {Path(file).absolute().parent for _, file in prompt_files(config)}
    if path in of_prompts or (path / "config.json").is_file():
        yield finding(config, "run.dir", "it is the folder of a model or of the prompts", "choose a folder of its own")
    own = RunFolder(path)
    for folder in (own.checkpoints, own.validation, own.metrics, own.rollouts):
        existing = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
        if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
            yield finding(config, "run.dir", f"{existing} is not a writable folder", "choose another run.dir")
            return


def disk_space(config: DictConfig) -> Iterator[Finding]:
    """The run folder has space for one more checkpoint than is kept."""
    size, checkpoints = model_bytes(config), RunFolder(config.run.dir).checkpoints
    if config.trainer.save_freq < 1 or size is None:
        return
    existing = next(place for place in (checkpoints, *checkpoints.parents) if place.is_dir())
    kept = config.run.keep_checkpoints + config.run.keep_best
    there = sum(checkpoint.complete for checkpoint in find(checkpoints))
    needed, free = size * (max(0, kept - there) + 1), shutil.disk_usage(existing).free
    if free < needed:
        message = (
            f"{free / 2**20:,.0f} MiB are free; {kept} kept checkpoints, of which {min(kept, there)} are there, "
            f"and the one being written need {needed / 2**20:,.0f} MiB more"
        )
        remedy = "free space, choose another run.dir, or lower run.keep_checkpoints"
        yield finding(config, "run.dir", message, remedy)


def model_bytes(config: DictConfig) -> int | None:
    """Bytes of one checkpoint, estimated from the model's files; None where there are none."""
    folder = Path(str(OmegaConf.select(config, "actor_rollout_ref.model.path")))
    weights = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    settings = json_object(folder / "config.json")
    if not settings or not weights:
        return None
    half = str(settings.get("dtype") or settings.get("torch_dtype")) in ("bfloat16", "float16")
    parameters = weights // (2 if half else 4)
    with contextlib.suppress(UserError):  # the checks of LoRA and of the model say why
        if lora := lora_from(config):
            adapter = adapter_parameters(shape_from(settings), lora)
            alone = OmegaConf.select(config, f"{ACTOR}.checkpoint.save_lora_only")
            # The frozen model has no moments.
            return adapter * CHECKPOINT_BYTES_PER_PARAMETER + (0 if alone else 4 * parameters)
    return parameters * CHECKPOINT_BYTES_PER_PARAMETER
