"""Sizes that have to divide or to fit."""

import contextlib
import io
import math
import warnings
from collections.abc import Iterator
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from dgpo.config.checks.finding import Finding, cause_of
from dgpo.config.checks.loading import paths
from dgpo.config.checks.prompts import rows_left
from dgpo.config.memory.setup import sequence_parallel
from dgpo.config.memory.shape import find_shape
from dgpo.errors import UserError


def training_rows(config: DictConfig) -> int | None:
    """Rows of the training files that verl will read, None where a file cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = sum(pq.read_metadata(Path(path).expanduser()).num_rows for path in paths(config.data.train_files))
    except (OSError, pa.ArrowException):
        return None
    limit = config.data.train_max_samples
    return min(rows, limit) if limit > 0 else rows


def steps_of_epochs(config: DictConfig) -> int | None:
    """Steps until the epochs are over: whole batches of one, of the prompts that are short enough, times their number;
    None where a file cannot be read."""
    rows = rows_left(config) if config.data.filter_overlong_prompts else None
    rows = training_rows(config) if rows is None else rows
    return None if rows is None else rows // config.data.train_batch_size * config.trainer.total_epochs


def total_steps(config: DictConfig) -> int | None:
    """Steps of the run: until ``total_training_steps`` or the epochs end it, whichever does first."""
    ends = [each for each in (config.trainer.total_training_steps, steps_of_epochs(config)) if each is not None]
    return min(ends, default=None)


def batches(config: DictConfig) -> Iterator[Finding]:
    """Batches divide into mini-batches, mini-batches over ranks, and the data fills one batch."""
    actor, batch = config.actor_rollout_ref.actor, config.data.train_batch_size
    mini, samples = actor.ppo_mini_batch_size, config.actor_rollout_ref.rollout.n
    ranks = max(1, config.trainer.n_gpus_per_node * config.trainer.nnodes)
    if batch % mini:
        yield Finding(
            "actor_rollout_ref.actor.ppo_mini_batch_size",
            mini,
            f"it does not divide data.train_batch_size={batch}",
            f"use a divisor of {batch}; {batch} divided by it is the number of updates a batch",
        )
    shares = max(1, ranks // max(1, sequence_parallel(config)))
    if (mini * samples) % shares:
        yield Finding(
            "actor_rollout_ref.actor.ppo_mini_batch_size",
            mini,
            f"its {mini * samples} samples ({samples} a prompt) do not divide over {shares} ranks"
            + (f" (of {ranks}, {ranks // shares} share a sequence)" if shares < ranks else ""),
            f"use a multiple of {shares // math.gcd(shares, samples)}",
        )
    if not actor.use_dynamic_bsz:
        micro_batches = {
            "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu": mini * samples // shares,
            "actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu": batch * samples // shares,
        }
        for key, whole in micro_batches.items():
            part = OmegaConf.select(config, key)
            if part is not None and (part < 1 or whole % part):
                message = f"it does not divide the {whole} samples that a rank processes at a time"
                yield Finding(key, part, message, f"use a divisor of {whole}, or actor.use_dynamic_bsz=true")
    if samples == 1 and config.algorithm.adv_estimator == "grpo":
        yield Finding(
            "actor_rollout_ref.rollout.n", 1, "a group of one has no advantage: nothing is learned", "use 8 or 16"
        )
    rows = training_rows(config)
    if rows is not None and rows < batch:
        yield Finding(
            "data.train_batch_size", batch, f"the training files hold {rows} rows, less than one batch", "lower it"
        )


def order(config: DictConfig) -> Iterator[Finding]:
    """The updates of a step are alike. In ``separate_async`` each update takes the groups that are finished by then."""
    actor, separate = config.actor_rollout_ref.actor, config.trainer.v1.trainer_mode == "separate_async"
    if config.data.train_batch_size > actor.ppo_mini_batch_size and not actor.shuffle and not separate:
        yield Finding(
            "actor_rollout_ref.actor.shuffle",
            False,
            "the updates of a step would take the answers as they were finished: the first one the short, right ones, "
            "the last one the long, wrong ones",
            "set it to true; docs/monitoring.md",
        )


def lengths(config: DictConfig) -> Iterator[Finding]:
    """Prompt and response fit the model and vLLM's context."""
    needed = config.data.max_prompt_length + config.data.max_response_length
    context = config.actor_rollout_ref.rollout.max_model_len
    if context is not None and context < needed:
        yield Finding(
            "actor_rollout_ref.rollout.max_model_len",
            context,
            f"data.max_prompt_length + data.max_response_length is {needed}",
            f"set it to {needed} or more",
        )
    try:
        positions = find_shape(config.actor_rollout_ref.model.path).positions
    except UserError:
        return
    longest = max(needed, context or 0)
    if longest > positions:
        yield Finding(
            "data.max_response_length",
            config.data.max_response_length,
            f"the model has {positions} positions, prompt and response (or max_model_len) need {longest}",
            "lower the lengths, or rollout.max_model_len",
        )


def verl_own(config: DictConfig) -> Iterator[Finding]:
    """verl's own validation, run here so that its complaint stands with the others."""
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import validate_config

    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            validate_config(config, need_reference_policy(config), need_critic(config))
    except Exception as error:
        yield Finding("config", config.run.name, cause_of(error), "verl refuses it; correct the keys it names")
