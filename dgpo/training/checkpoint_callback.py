"""verl's hook after a checkpoint was saved, chosen by ``trainer.checkpoint_callback_class``."""

import logging
import os
from pathlib import Path
from typing import Any

from verl.trainer.ppo.checkpoint_callback import CheckpointCallback

from dgpo.runs.best import best_checkpoint
from dgpo.runs.checkpoints import prune, write_manifest

log = logging.getLogger(__name__)


class CompletionCallback(CheckpointCallback):
    """After a save: the manifest first, then pruning, so that a whole checkpoint exists at every moment."""

    def on_save(
        self, trainer: Any, global_step: int, checkpoint_dir: str, async_save: bool = False, **kwargs: Any
    ) -> None:
        if async_save:
            raise ValueError(
                "actor_rollout_ref.actor.checkpoint.async_save=True: a checkpoint still being written cannot be "
                "declared complete; set it to False"
            )
        path = Path(checkpoint_dir)
        keep = trainer.config.run.keep_checkpoints
        write_manifest(path, step=global_step, wandb_id=os.environ.get("WANDB_RUN_ID"))
        best = None
        if trainer.config.run.keep_best:
            # The environment has the folder in full; the config may have it relative to another process.
            best = best_checkpoint(os.environ.get("DGPO_RUN_DIR") or trainer.config.run.dir, path.parent)
        for checkpoint in prune(path.parent, keep, also=[global_step, *([best[0].step] if best else [])]):
            log.info("deleted checkpoint %s", checkpoint.path)
