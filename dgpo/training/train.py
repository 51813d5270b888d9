"""Train: compose a config, refuse what would fail, and hand over to verl's trainer."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from dgpo.cluster import LossWatch, LostError, settle_cluster, use_token
from dgpo.config.checks import check, report
from dgpo.config.checks.resume import digests
from dgpo.config.checks.sizes import total_steps, world
from dgpo.config.compose import compose_config, of_training, select_platform
from dgpo.console import captured_output, tail
from dgpo.files import json_object, replace_json, replace_text
from dgpo.progress import duration, say, seconds_of
from dgpo.runs.checkpoints import latest_complete, set_aside, step_of, write_fault
from dgpo.runs.folder import RunFolder, tracker_environment
from dgpo.runs.kept import kept_steps
from dgpo.runs.metrics import read_metrics
from dgpo.runs.report import write_report
from dgpo.training.step_lines import Progress
from dgpo.training.stopping import handled, interrupt, reason, saving_first, tell
from dgpo.verifier import VERSION
from dgpo.versions import PINNED, installed_versions


def choose_checkpoint(config: DictConfig, folder: RunFolder) -> str | None:
    """Replace ``trainer.resume_mode: auto`` by the newest complete checkpoint; returns its path, or None.

    verl itself would take the folder that its tracker file names, complete or not.
    """
    if config.trainer.resume_mode == "resume_path":
        config.trainer.resume_from_path = str(Path(config.trainer.resume_from_path))  # verl takes no slash at its end
        return config.trainer.resume_from_path
    if config.trainer.resume_mode != "auto":
        return None
    checkpoint, _ = latest_complete(folder.checkpoints)
    config.trainer.resume_mode = "resume_path" if checkpoint else "disable"
    config.trainer.resume_from_path = str(checkpoint.path) if checkpoint else None
    return config.trainer.resume_from_path


def set_later_steps_aside(folder: RunFolder, start: int) -> None:
    """Move files of steps after ``start`` aside, because this launch repeats these steps. Nothing is deleted.

    If checkpoints are moved, so is the id of the W&B run, since W&B accepts no step twice.
    """
    place = folder.superseded / f"{folder.next_launch():03d}"
    moved = set_aside(folder.checkpoints, start, place / "checkpoints")
    for checkpoint in moved:
        print(f"step {checkpoint.step} is later than the start of this run: moved to {place}/checkpoints")
    if moved and folder.wandb_id_file.exists():
        folder.wandb_id_file.rename(place / folder.wandb_id_file.name)
    for file in folder.validation_files():
        if int(file.stem) > start:
            (place / "validation").mkdir(parents=True, exist_ok=True)
            file.rename(place / "validation" / file.name)
    for step, kept in kept_steps(folder.rollouts).items():
        if step > start:
            (place / folder.rollouts.name).mkdir(parents=True, exist_ok=True)
            kept.rename(place / folder.rollouts.name / kept.name)


def prepare(config: DictConfig, folder: RunFolder) -> None:
    """Tell this process and Ray's workers where the trackers write, and save the resolved config."""
    environment = tracker_environment(folder) | {"DGPO_DEADLINE": ""}
    if (limit := config.run.time_limit) is not None:
        environment["DGPO_DEADLINE"] = str(time.time() + seconds_of("run.time_limit", limit))
    if config.run.worker_niceness is not None:
        environment["RAY_worker_niceness"] = str(config.run.worker_niceness)  # for the Ray that this process starts
    os.environ.update(environment)
    if "wandb" in config.trainer.logger and environment.get("WANDB_MODE") == "offline":
        print(f"W&B writes offline; to upload the run: wandb sync {folder.path}/wandb/offline-run-*")
    with open_dict(config):
        env_vars = config.ray_kwargs.ray_init.runtime_env.get("env_vars") or {}
        config.ray_kwargs.ray_init.runtime_env.env_vars = {**env_vars, **environment}
    replace_text(folder.config, OmegaConf.to_yaml(config))


def keep_versions(folder: RunFolder, going_on: bool) -> None:
    """Write the versions that this launch uses, and warn of those that have changed since the run began."""
    now = {**installed_versions(PINNED), "dgpo.verifier": VERSION}
    before = json_object(folder.versions) if going_on else {}
    changed = [
        f"{name} {before.get(name, 'absent')} -> {now.get(name, 'absent')}"
        for name in sorted(before | now)
        if before and before.get(name) != now.get(name)
    ]
    if changed:
        print(f"warning: this run goes on with other versions: {', '.join(changed)}", file=sys.stderr)
    replace_json(folder.versions, now)


def fit(config: DictConfig, folder: RunFolder, say: Callable[[str], None]) -> None:
    """Run verl's trainer under Ray until training ends; ``say`` shows a line to the person.

    Raises:
        LostError: a node of the cluster or a process of the run has died.
        Interrupted: a signal has ended it.
    """
    import ray
    from verl.trainer.main_ppo import run_ppo

    from dgpo.training.verl import TaskRunner

    watch = LossWatch()
    metrics = folder.metrics_files()[-1]

    def worth_saving() -> bool:
        return config.run.save_on_signal and watch.lost is None and any(read_metrics(metrics))

    try:
        with watch, saving_first(folder.stop, config.run.grace_s, say, worth_saving) as take_signals:

            class AfterRay:
                """`run_ppo` calls its `remote` after it has started Ray."""

                @staticmethod
                def remote() -> Any:
                    take_signals()
                    return TaskRunner.remote()

            run_ppo(config, task_runner_class=AfterRay)
    except KeyboardInterrupt:
        if watch.lost is None:
            raise
        raise LostError(watch.lost) from None
    except Exception as error:
        if lost := watch.settle():
            raise LostError(lost) from error
        raise
    finally:
        # Now and not at exit, so that the last output of the processes is in the log.
        ray.shutdown()


def launch(config: DictConfig, folder: RunFolder, start: int, total: int | None) -> int:
    """Train from step ``start``, with the processes' output in the log and a line for each step here; the status."""
    started = time.monotonic()
    set_later_steps_aside(folder, start)
    reason(folder.stop)  # removes that of an earlier launch
    prepare(config, folder)
    keep_versions(folder, going_on=start > 0)
    replace_json(folder.data, digests(config))
    print(f"full output: {folder.log}\n{starting(config)}", flush=True)
    try:
        with captured_output(folder.log) as terminal, Progress(folder.metrics_files()[-1], terminal, total):
            fit(config, folder, partial(print, file=terminal))
    except KeyboardInterrupt as error:
        reason(folder.stop)
        return tell(error, how_to_go_on(folder))
    except Exception as error:
        print(f"\nthe run failed after {duration(time.monotonic() - started)}:", file=sys.stderr)
        print(f"{explain(error, folder.path)}\n\nlast lines of {folder.log}:\n{tail(folder.log)}", file=sys.stderr)
        print(f"\n{how_to_go_on(folder)}", file=sys.stderr)
        return 1
    took = duration(time.monotonic() - started)
    cause = reason(folder.stop)
    print(f"stopped by {cause} after {took}; {how_to_go_on(folder)}" if cause else f"done in {took}")
    return 0


def starting(config: DictConfig) -> str:
    """A line about what starts now, and how long that takes."""
    validation = ", then a validation of the starting model" if config.trainer.val_before_train else ""
    took = "2 to 4 minutes on 2 idle cores" if config.trainer.device == "cpu" else "minutes, most of them vLLM's"
    return f"starting Ray, {world(config)} FSDP ranks and vLLM ({took}){validation}; a line a step follows"


def how_to_go_on(folder: RunFolder) -> str:
    checkpoint, _ = latest_complete(folder.checkpoints)
    if checkpoint is None:
        return "no checkpoint was complete: the next run begins anew"
    return f"the same command goes on from step {checkpoint.step}, unless it sets trainer.resume_mode"


def what_ends(config: DictConfig, total: int | None) -> str:
    """A line about whether steps or epochs end the run."""
    trainer = config.trainer
    if total == trainer.total_training_steps:
        return f"it ends with step {total}, trainer.total_training_steps"
    after = (
        "" if trainer.total_training_steps is None else f", before total_training_steps={trainer.total_training_steps}"
    )
    return f"it ends with step {total or '?'}, the last of trainer.total_epochs={trainer.total_epochs}{after}"


def run(config: DictConfig) -> int:
    """Train by a resolved and checked ``config`` from its last checkpoint, and report; returns the exit status."""
    with RunFolder(config.run.dir) as folder:
        checkpoint = choose_checkpoint(config, folder)
        print(f"run folder {folder.path}" + (f", going on from {checkpoint}" if checkpoint else ""))
        total = total_steps(config)
        print(what_ends(config, total))
        start = step_of(Path(checkpoint)) if checkpoint else 0
        if checkpoint and total is not None and start >= total:
            limit = "total_training_steps" if total == config.trainer.total_training_steps else "total_epochs"
            print(f"this run has done its {total} steps; raise trainer.{limit} to go on")
        elif status := launch(config, folder, start, total):
            return status
        print()
        try:
            files = write_report(folder.path)
            print("\nwritten: " + ", ".join(str(file) for file in files))
        except Exception as error:  # the training is done, and its status is no longer at stake
            cause = f"{type(error).__name__}: {error}"
            print(f"warning: no report ({cause}); try again with: dgpo report {folder.path}", file=sys.stderr)
    return 0


def explain(error: BaseException, folder: Path) -> str:
    """The innermost cause in one or two lines, since Ray wraps an error once for each process it passes."""
    cause: BaseException = error
    lost = f"LostError: {error}\nseen first as:\n" if isinstance(error, LostError) and error.__cause__ else ""
    while (inner := getattr(cause, "cause", None) or cause.__cause__) is not None and inner is not cause:
        cause = inner
    text = f"{lost}{type(cause).__name__}: {cause}".strip()
    return text + write_fault(text, folder)


@handled(interrupt)
def train_from(
    name: str,
    overrides: Sequence[str] = (),
    directory: Path | None = None,
    *,
    dry_run: bool = False,
    print_dir: bool = False,
) -> int:
    """Compose, check, train; 0 when done, 1 when the run failed, 2 when the config is refused, 128 + N by signal N.

    Args:
        dry_run: print the resolved config and stop.
        print_dir: print the run's folder and stop.

    Raises:
        UserError: the config cannot be composed, or the run's folder cannot be used.
    """
    use_token()
    try:
        composed = compose_config(name, overrides, directory)
        config = of_training(name, composed)
        if dry_run or print_dir:
            print(config.run.dir if print_dir else OmegaConf.to_yaml(config))
            return 0
        say("checking the config, the files and the machine")
        select_platform(config)
        problems = check(composed)
        if problems:
            print(report(problems), file=sys.stderr)
        if any(problem.fatal for problem in problems):
            return 2
        settle_cluster(config)
        return run(config)
    except KeyboardInterrupt as error:
        return tell(error, "nothing is under way")
