"""A run folder goes on with the run that it holds."""

from collections.abc import Iterator
from pathlib import Path

import yaml
from omegaconf import DictConfig, OmegaConf

from dgpo.config.checks.finding import Finding
from dgpo.runs.checkpoints import latest_complete
from dgpo.runs.folder import RunFolder


def _place(model: str) -> Path:
    return Path(model).expanduser().resolve()


# What makes a run another one, and what of it is compared. An adapter's rank and layers are its shape; its alpha is in
# no weight, so that a changed one would change the model that the run goes on from.
IDENTITY = {
    "actor_rollout_ref.actor.policy_loss.loss_mode": str,
    "actor_rollout_ref.model.path": _place,
    "actor_rollout_ref.model.lora_rank": str,
    "actor_rollout_ref.model.lora_alpha": str,
    "actor_rollout_ref.model.target_modules": str,
    "actor_rollout_ref.model.exclude_modules": str,
}


def same_run(config: DictConfig) -> Iterator[Finding]:
    """``trainer.resume_mode: auto`` goes on with the loss, the model and the LoRA of the folder's last launch.

    Everything else may change on the way.
    """
    folder = RunFolder(config.run.dir)
    if config.trainer.resume_mode != "auto" or not folder.config.is_file():
        return
    checkpoint, _ = latest_complete(folder.checkpoints)
    if checkpoint is None:
        return
    try:
        last = OmegaConf.load(folder.config)
    except (OSError, ValueError, yaml.YAMLError) as error:
        message = f"{folder.config} cannot be read: {error}"
        yield Finding("run.dir", config.run.dir, message, "restore it, or choose another run.dir")
        return
    for key, compared in IDENTITY.items():
        old, new = OmegaConf.select(last, key), OmegaConf.select(config, key)
        if old is not None and compared(old) != compared(new):
            yield Finding(
                key,
                new,
                f"the run in {folder.path} has {old}, and would go on from step {checkpoint.step} with another",
                "choose another run.dir; if it is meant, say so: trainer.resume_mode=resume_path "
                f"trainer.resume_from_path={checkpoint.path}",
            )
