"""Checks that a run folder can go on with the run that it holds."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from dgpo.config.checks.finding import Finding, finding, finding_from_error
from dgpo.config.checks.sizes import world
from dgpo.config.compose import places
from dgpo.config.last import changes, last_config
from dgpo.config.memory.setup import ACTOR, MODEL, ROLLOUT
from dgpo.errors import UserError
from dgpo.files import file_sha256, json_object
from dgpo.model_files import TOKENIZER_FILES, weights_digests
from dgpo.runs.checkpoints import NAME, Checkpoint, latest_complete, step_of
from dgpo.runs.folder import RunFolder

# Settings that identify a run; with ``resume_path`` a change is taken as meant.
# An adapter's rank and layers are its shape. Its alpha is in no weight, so that another alpha is another model.
IDENTITY = (
    "algorithm.adv_estimator",
    f"{ACTOR}.policy_loss.loss_mode",
    f"{MODEL}.path",
    f"{MODEL}.lora_rank",
    f"{MODEL}.lora_alpha",
    f"{MODEL}.target_modules",
    f"{MODEL}.exclude_modules",
)
# Settings that verl takes from the checkpoint: the optimizer's, and the position in the data.
RESTORED = (
    f"{ACTOR}.optim.lr",
    f"{ACTOR}.optim.betas",
    f"{ACTOR}.optim.weight_decay",
    f"{ACTOR}.optim.optimizer",
    f"{ACTOR}.optim.optimizer_impl",
    f"{ACTOR}.optim.override_optimizer_config",
    "data.seed",
    "data.shuffle",
    "data.train_files",
)
# Settings of which another value is a step of another kind, which may be meant.
LEARNING = (
    f"{ACTOR}.clip_ratio_low",
    f"{ACTOR}.clip_ratio_high",
    f"{ACTOR}.clip_ratio_c",
    f"{ACTOR}.loss_agg_mode",
    f"{ACTOR}.optim.clip_grad",
    f"{ACTOR}.use_kl_loss",
    f"{ACTOR}.kl_loss_coef",
    f"{ACTOR}.entropy_coeff",
    f"{ACTOR}.ppo_epochs",
    f"{ACTOR}.ppo_mini_batch_size",
    f"{ACTOR}.optim.lr_scheduler_type",
    f"{ACTOR}.optim.lr_warmup_steps",
    f"{ACTOR}.optim.min_lr_ratio",
    f"{ROLLOUT}.n",
    f"{ROLLOUT}.temperature",
    f"{ROLLOUT}.top_p",
    f"{ROLLOUT}.top_k",
    "reward.custom_reward_function.path",
    "reward.custom_reward_function.name",
    "reward.custom_reward_function.reward_kwargs",
    "data.train_batch_size",
    "data.max_response_length",
    "algorithm.use_kl_in_reward",
    "algorithm.norm_adv_by_std_in_grpo",
    f"{ACTOR}.fsdp_config.model_dtype",
    "rollouts",
)
# Settings by which validations are of one kind; the best checkpoint is chosen among all of them.
VALIDATION = ("data.val_files", f"{ROLLOUT}.val_kwargs")
# What turns a prompt into tokens.
OF_TOKENIZER = (*TOKENIZER_FILES, "chat_template.jinja")
# Settings that decide which rows are read, so that a position in the data means something else.
ROWS = ("data.train_max_samples", "data.filter_overlong_prompts", "data.max_prompt_length")


def checkpoint_to_resume(config: DictConfig) -> tuple[Path | None, list[Checkpoint]]:
    """The checkpoint from which the run would resume, None where it starts afresh or the checkpoint is not found; and
    those newer than it that are not whole."""
    mode = config.trainer.resume_mode
    if mode == "resume_path":
        path = Path(str(config.trainer.resume_from_path)).expanduser()
        return path if path.is_dir() and NAME.fullmatch(path.name) else None, []
    whole, defective = latest_complete(RunFolder(config.run.dir).checkpoints) if mode == "auto" else (None, [])
    return whole.path if whole else None, defective


def going_on(config: DictConfig) -> Iterator[Finding]:
    """The run folder can go on with the run that it holds, from a checkpoint that has all that is to be loaded."""
    checkpoint, defective = checkpoint_to_resume(config)
    then = f"the run goes on from {checkpoint}" if checkpoint else "no other is whole, and the run begins anew"
    for each in defective:
        message = f"skipping the checkpoint {each.path}: {each.defect}; {then}"
        yield finding(config, "run.dir", message, "restore its files if it should go on from there", fatal=False)
    if checkpoint is not None:
        yield from _same_run(config, checkpoint)
        yield from _loadable(config, checkpoint)


def _same_run(config: DictConfig, checkpoint: Path) -> Iterator[Finding]:
    """The run that saved the checkpoint was of this loss, model and data, which may lie elsewhere by now."""
    # A checkpoint lies in its run's folder; one that was copied elsewhere has no config to compare with.
    folder = RunFolder(checkpoint.parent.parent)
    try:
        last = last_config(folder)
    except UserError as error:
        yield finding_from_error(error)
        return
    if last is not None:
        before, now = json_object(folder.data), digests(config)
        moved = ["data.train_files"] if before and list(before.values()) == list(now.values()) else []
        moved += [f"{MODEL}.path"] if moved and any(path.endswith(".safetensors") for path in now) else []
        yield from _same_settings(config, last, checkpoint, moved)
        yield from _same_files(config, before, now, checkpoint)
    elif config.trainer.resume_mode == "auto":
        message = f"it has no config.yaml, which would say whether {checkpoint} is of this loss, model and data"
        yield finding(config, "run.dir", message, "copy it there too, or choose another run.dir", fatal=False)


def _same_settings(config: DictConfig, last: DictConfig, checkpoint: Path, moved: Sequence[str]) -> Iterator[Finding]:
    """Settings that a checkpoint restores, whatever the config says, agree with the config; others may change, as may
    the paths ``moved``, whose contents are the same."""
    rows = ROWS if config.data.filter_overlong_prompts else ROWS[:2]
    for key, old, new in changes(last, config, [key for key in (*RESTORED, *rows) if key not in moved]):
        then = "its place in the data is of the rows which that leaves" if key in rows else "verl would go on with that"
        message = f"{checkpoint} was saved with {old}, and {then}"
        yield Finding(key, new, message, f"set it to {old}, or {from_its_weights(checkpoint)}")
    if config.trainer.resume_mode != "auto":
        return
    run, step, section = f"the run in {checkpoint.parent.parent}", step_of(checkpoint), f"{ACTOR}.policy_loss"
    for key, old, new in changes(last, config, [key for key in IDENTITY if key not in moved]):
        message = f"{run} has {old}, and would go on from step {step} with another"
        remedy = "choose another run.dir; if it is meant, say so: trainer.resume_mode=resume_path "
        yield Finding(key, new, message, remedy + f"trainer.resume_from_path={checkpoint}")
    names = sorted({*OmegaConf.select(last, section, default=())} - {"_target_", "loss_mode"})
    of_loss = [f"{section}.{name}" for name in names]
    for has, keys in (("has learnt", (*of_loss, *LEARNING)), ("has validated", VALIDATION)):
        for key, old, new in changes(last, config, keys):
            if new is not None or key not in of_loss:  # another loss has other settings
                message = f"{run} {has} with {old} up to step {step}"
                yield Finding(key, new, message, f"set it to {old}, unless the change is meant", fatal=False)


def _same_files(
    config: DictConfig, before: Mapping[str, str], now: Mapping[str, str], checkpoint: Path
) -> Iterator[Finding]:
    """Model and data have the contents that the run has put on record."""
    if not before:
        record = RunFolder(checkpoint.parent.parent).data
        message = f"{record} is gone or broken: nobody knows whether data and model are as they were"
        yield finding(config, "run.dir", message, "restore it, or make sure that they are", fatal=False)
        return
    for path, digest in now.items():
        remedy = f"restore it, or {from_its_weights(checkpoint)}"
        if before.get(path, digest) == digest:
            continue
        if not path.endswith((".safetensors", *OF_TOKENIZER)):
            message = f"the file has changed since {checkpoint} was saved, whose place in the data is of its old rows"
            yield Finding("data.train_files", path, message, remedy)
        elif config.trainer.resume_mode == "auto":
            message = f"{path} has changed since {checkpoint} was saved: it is another model"
            yield finding(config, f"{MODEL}.path", message, remedy)


def digests(config: DictConfig) -> dict[str, str]:
    """SHA-256 of each training file and of the tokenizer's, and of the ends of each file of weights, by its absolute
    path."""
    model = config.actor_rollout_ref.model
    of_tokenizer = (place / name for place in places(model.tokenizer_path or model.path) for name in OF_TOKENIZER)
    whole = [path for path in (*places(config.data.train_files), *of_tokenizer) if path.is_file()]
    files = {str(path): file_sha256(path) for path in whole}
    return files | weights_digests(*places(model.path))


def from_its_weights(checkpoint: Path) -> str:
    return (
        f"begin a run of its own with its weights: dgpo export {checkpoint} --out DIR, then "
        "actor_rollout_ref.model.path=DIR and another run.dir"
    )


def _loadable(config: DictConfig, checkpoint: Path) -> Iterator[Finding]:
    """The checkpoint has all that is to be loaded, for the same number of ranks, FSDP version and adapter."""
    actor, wanted = checkpoint / "actor", list(config.actor_rollout_ref.actor.checkpoint.load_contents)
    key = f"{ACTOR}.checkpoint.load_contents"
    if "model" not in wanted:
        message = f"the run would go on from {checkpoint} with the weights of the starting model"
        yield Finding(key, wanted, message, "add model to the list")
        return
    files = {"model": "model", "optimizer": "optim", "extra": "extra_state"}
    lacking = [name for name in wanted if name in files and not any(actor.glob(f"{files[name]}_world_size_*"))]
    if lacking:
        message = f"{checkpoint} was saved without {' and '.join(lacking)}"
        yield Finding(key, wanted, message, from_its_weights(checkpoint))
        return
    if not (checkpoint / "data.pt").is_file():
        message = f"{checkpoint} has no data.pt: the run would begin with the first rows again"
        yield finding(config, "run.dir", message, "restore the file, if it should not", fatal=False)
    ranks, saved = world(config), json_object(actor / "fsdp_config.json")
    shards = {int(each.name.split("_")[3]) for each in actor.glob("model_world_size_*_rank_0.pt")}
    if ranks not in shards:
        there = " or ".join(map(str, sorted(shards)))
        message = f"{checkpoint} is in shards for {there} ranks, the run has {ranks}"
        remedy = f"take {there} GPUs, or {from_its_weights(checkpoint)}"
        yield finding(config, "trainer.n_gpus_per_node", message, remedy)
    strategy = config.actor_rollout_ref.actor.strategy
    if saved.get("FSDP_version") in (1, 2) and saved["FSDP_version"] != (2 if strategy == "fsdp2" else 1):
        old = "fsdp2" if saved["FSDP_version"] == 2 else "fsdp"
        yield finding(config, f"{ACTOR}.strategy", f"{checkpoint} has the shards of {old}", f"set it to {old}")
    # Otherwise `_same_run` compares it with the run's config.
    if saved and config.trainer.resume_mode == "resume_path":
        yield from _same_adapter(config, checkpoint)


def _same_adapter(config: DictConfig, checkpoint: Path) -> Iterator[Finding]:
    trained = {"r": 0, "lora_alpha": None} | json_object(checkpoint / "actor/lora_train_meta.json")
    if not trained["r"] and not config.actor_rollout_ref.model.lora_rank:
        return
    for name, of_checkpoint in (("lora_rank", trained["r"]), ("lora_alpha", trained["lora_alpha"])):
        value = config.actor_rollout_ref.model[name]
        if of_checkpoint in (value, None):
            continue
        how = f"{name}={of_checkpoint}" if of_checkpoint else "all weights, no adapter"
        remedy = f"set it to {of_checkpoint}, or {from_its_weights(checkpoint)}"
        yield Finding(f"actor_rollout_ref.model.{name}", value, f"{checkpoint} was trained with {how}", remedy)
        return


def saved(config: DictConfig) -> Iterator[Finding]:
    """Checkpoints are saved, with all that resuming needs."""
    if config.trainer.save_freq < 1:
        message = "nothing is saved: the trained model is gone when the run ends"
        yield finding(config, "trainer.save_freq", message, "set it to a number of steps", fatal=False)
        return
    contents = config.actor_rollout_ref.actor.checkpoint.save_contents
    missing = [name for name in ("model", "optimizer", "extra") if name not in contents]
    if missing:
        message = f"no run can go on from checkpoints without {' and '.join(missing)}"
        remedy = "add them to the list, if it is to survive an interruption"
        yield finding(config, f"{ACTOR}.checkpoint.save_contents", message, remedy, fatal=False)
