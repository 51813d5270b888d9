"""Sizes that have to divide or to fit."""

import contextlib
import io
import math
import warnings
from collections.abc import Iterator
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from dgpo.config.checks.files import rows_left
from dgpo.config.checks.finding import Finding, cause_of, finding
from dgpo.config.checks.parallel import model_shape, world
from dgpo.config.compose import paths
from dgpo.config.memory.setup import ACTOR, ROLLOUT, sequence_parallel
from dgpo.data.read import count_rows


def training_rows(config: DictConfig) -> int | None:
    """Rows of the training files that verl will read, None where a file cannot be read."""
    rows, limit = count_rows(map(Path, paths(config.data.train_files))), config.data.train_max_samples
    return rows if rows is None or limit <= 0 else min(rows, limit)


def total_steps(config: DictConfig) -> int | None:
    """Steps of the run: until ``total_training_steps`` or the epochs end it, whichever does first. An epoch is whole
    batches of the prompts that are short enough; None where neither is known."""
    rows = rows_left(config) if config.data.filter_overlong_prompts else None
    rows = training_rows(config) if rows is None else rows
    of_epochs = None if rows is None else rows // config.data.train_batch_size * config.trainer.total_epochs
    return min((each for each in (config.trainer.total_training_steps, of_epochs) if each is not None), default=None)


def batches(config: DictConfig) -> Iterator[Finding]:
    """Batches divide into mini-batches, mini-batches over ranks, and the data fills one batch."""
    actor, batch = config.actor_rollout_ref.actor, config.data.train_batch_size
    mini, samples, ranks = actor.ppo_mini_batch_size, config.actor_rollout_ref.rollout.n, world(config)
    if batch % mini:
        message = f"it does not divide data.train_batch_size={batch}"
        remedy = f"use a divisor of {batch}; {batch} divided by it is the number of updates a batch"
        yield finding(config, f"{ACTOR}.ppo_mini_batch_size", message, remedy)
    shares = max(1, ranks // sequence_parallel(config))
    if (mini * samples) % shares:
        message = f"its {mini * samples} samples ({samples} a prompt) do not divide over {shares} ranks"
        message += f" (of {ranks}, {ranks // shares} share a sequence)" if shares < ranks else ""
        remedy = f"use a multiple of {shares // math.gcd(shares, samples)}"
        yield finding(config, f"{ACTOR}.ppo_mini_batch_size", message, remedy)
    if not actor.use_dynamic_bsz:
        micro_batches = {
            f"{ACTOR}.ppo_micro_batch_size_per_gpu": mini * samples // shares,
            f"{ROLLOUT}.log_prob_micro_batch_size_per_gpu": batch * samples // shares,
        }
        for key, whole in micro_batches.items():
            part = OmegaConf.select(config, key)
            if part is not None and whole % part:
                message = f"it does not divide the {whole} samples that a rank processes at a time"
                yield finding(config, key, message, f"use a divisor of {whole}, or actor.use_dynamic_bsz=true")
    if samples == 1 and config.algorithm.adv_estimator == "grpo":
        yield finding(config, f"{ROLLOUT}.n", "a group of one has no advantage: nothing is learned", "use 8 or 16")
    rows = training_rows(config)
    if rows is not None and rows < batch:
        message = f"the training files hold {rows} rows, less than one batch"
        yield finding(config, "data.train_batch_size", message, "lower it")


def warm_up(config: DictConfig) -> Iterator[Finding]:
    """The learning rate rises to what the config names before the run ends."""
    optim, total = config.actor_rollout_ref.actor.optim, config.trainer.total_training_steps or total_steps(config)
    by_ratio = optim.lr_warmup_steps <= 0
    if total is not None and (optim.lr_warmup_steps_ratio >= 1 if by_ratio else optim.lr_warmup_steps >= total):
        message = f"the run has {total} steps, so that the learning rate never rises to optim.lr"
        remedy = f"lower it, to {0.1 if by_ratio else max(1, total // 10)} or so"
        key = f"{ACTOR}.optim.lr_warmup_steps{'_ratio' * by_ratio}"
        yield finding(config, key, message, remedy, fatal=False)


def order(config: DictConfig) -> Iterator[Finding]:
    """The updates of a step are alike. In ``separate_async`` each update takes the groups that are finished by then."""
    actor, separate = config.actor_rollout_ref.actor, config.trainer.v1.trainer_mode == "separate_async"
    if config.data.train_batch_size > actor.ppo_mini_batch_size and not actor.shuffle and not separate:
        message = (
            "the updates of a step would take the answers as they were finished: the first one the short, right ones, "
            "the last one the long, wrong ones"
        )
        yield finding(config, f"{ACTOR}.shuffle", message, "set it to true; docs/monitoring.md")


def lengths(config: DictConfig) -> Iterator[Finding]:
    """Prompt and response fit the model and vLLM's context."""
    needed = config.data.max_prompt_length + config.data.max_response_length
    rollout, shape = config.actor_rollout_ref.rollout, model_shape(config)
    context = rollout.max_model_len
    if context is not None and context < needed:
        message = f"data.max_prompt_length + data.max_response_length is {needed}"
        yield finding(config, f"{ROLLOUT}.max_model_len", message, f"set it to {needed} or more")
    if rollout.max_num_batched_tokens < rollout.max_num_seqs:
        message = f"vLLM takes no fewer tokens than sequences, max_num_seqs={rollout.max_num_seqs}"
        yield finding(config, f"{ROLLOUT}.max_num_batched_tokens", message, "raise it, or lower max_num_seqs")
    for name in ("prompt_length", "response_length"):
        key, own = f"{ROLLOUT}.{name}", f"data.max_{name}"
        if rollout[name] != (length := config.data[f"max_{name}"]):
            message = f"{own} is {length}, and vLLM would go by the one, the trainer by the other"
            yield finding(config, key, message, f"leave it out, and set {own}")
    longest = max(needed, context or 0)
    if shape and longest > shape.positions:
        message = f"the model has {shape.positions} positions, prompt and response (or max_model_len) need {longest}"
        yield finding(config, "data.max_response_length", message, "lower the lengths, or rollout.max_model_len")


def verl_own(config: DictConfig) -> Iterator[Finding]:
    """verl's own validation, run here so that its complaint stands with the others."""
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import validate_config

    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            validate_config(config, need_reference_policy(config), need_critic(config))
    except Exception as error:
        if str(config.critic.model.path) in (message := cause_of(error)):
            remedy = "give a model's directory, from which the critic begins, or use algorithm.adv_estimator=grpo"
            yield finding(config, "critic.model.path", message, remedy)
        else:
            yield Finding("config", config.run.name, message, "verl refuses it; correct the keys it names")
