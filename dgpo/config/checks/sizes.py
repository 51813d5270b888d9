"""Sizes that have to divide or to fit: batches, lengths, what GPUs share, and their memory by `dgpo.config.memory`."""

import contextlib
import io
import math
import warnings
from collections.abc import Iterator
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from dgpo.cluster import cluster_address
from dgpo.config.checks.finding import Finding, cause_of, finding
from dgpo.config.checks.loading import UnloadableError, prompt_lengths
from dgpo.config.compose import paths
from dgpo.config.memory.host import host_bytes, memory_limit
from dgpo.config.memory.phases import engine_bytes, engine_weights, overflows, resident, state
from dgpo.config.memory.remedies import remedy
from dgpo.config.memory.setup import (
    ACTOR,
    ENGINE,
    GIB,
    MODEL,
    ROLLOUT,
    Setup,
    sequence_parallel,
    sequence_parallel_key,
    setup_from,
)
from dgpo.config.memory.shape import ModelShape, find_shape
from dgpo.data.read import count_rows
from dgpo.errors import UserError


def model_shape(config: DictConfig) -> ModelShape | None:
    """The model's shape; None where it is not known, which `files.model` reports where it matters."""
    try:
        return find_shape(config.actor_rollout_ref.model.path)
    except UserError:
        return None


def world(config: DictConfig) -> int:
    """FSDP ranks of the run."""
    return config.trainer.nnodes * config.trainer.n_gpus_per_node


def training_rows(config: DictConfig) -> int | None:
    """Rows of the training files that verl will read and ``data.filter_overlong_prompts`` leaves, None where a file
    cannot be read."""
    data = config.data
    if data.filter_overlong_prompts:
        with contextlib.suppress(UnloadableError, OSError):  # `files.datasets` says so
            if (lengths := prompt_lengths(config, "train_files")) is not None:
                return int((lengths <= data.max_prompt_length).sum())
    rows = count_rows(map(Path, paths(data.train_files)))
    return rows if rows is None or data.train_max_samples <= 0 else min(rows, data.train_max_samples)


def total_steps(config: DictConfig) -> int | None:
    """Steps of the run: until ``total_training_steps`` or the epochs end it, whichever does first. An epoch is whole
    batches of the prompts that are short enough; None where neither is known."""
    rows = training_rows(config)
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
        message, remedy = f"the training files hold {rows} rows, less than one batch", "lower it"
        if config.data.filter_overlong_prompts:
            message += f", within data.max_prompt_length={config.data.max_prompt_length}"
            remedy += ", or raise data.max_prompt_length"
        yield finding(config, "data.train_batch_size", message, remedy)


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


def _divisors(number: int) -> list[int]:
    return [part for part in range(1, number + 1) if number % part == 0]


def sharding(config: DictConfig) -> Iterator[Finding]:
    """The FSDP group size divides the number of GPUs."""
    size, gpus = config.actor_rollout_ref.actor.fsdp_config.fsdp_size, world(config)
    if 0 < size < gpus and gpus % size:
        remedy = f"use -1 (all), or one of {_divisors(gpus)}"
        yield finding(config, f"{ENGINE}.fsdp_size", f"it does not divide the {gpus} GPUs", remedy)


def output_layer(config: DictConfig) -> Iterator[Finding]:
    """Fused kernels work with the output layer under FSDP2. They read its weights without calling it, and find only a
    shard where it is an FSDP2 unit of its own, which it is unless it is tied to the embedding."""
    shape, strategy = model_shape(config), config.actor_rollout_ref.actor.strategy
    if config.actor_rollout_ref.model.use_fused_kernels and strategy == "fsdp2" and not (shape and shape.tied):
        message = (
            "under FSDP2 the first log-probs of a model whose output layer is not its embedding would fail: "
            "mixed torch.Tensor and DTensor"
        )
        remedy = "set it to false; configs/reasoning.yaml needs no more memory without"
        yield finding(config, f"{MODEL}.use_fused_kernels", message, remedy)


def ulysses(config: DictConfig) -> Iterator[Finding]:
    """The Ulysses size divides the heads and the number of GPUs, and sequences are packed."""
    key, size, gpus = sequence_parallel_key(config), sequence_parallel(config), world(config)
    if size == 1:
        return
    shape = model_shape(config)
    remedy = f"use one of {shape.valid_ulysses(gpus) if shape else _divisors(gpus)}"
    if gpus % size:
        yield finding(config, key, f"it does not divide the {gpus} GPUs", remedy)
    elif shape and size not in shape.valid_ulysses(gpus):
        message = f"it does not divide the model's {shape.heads} heads and {shape.kv_heads} key-value heads"
        yield finding(config, key, message, remedy)
    if not config.actor_rollout_ref.model.use_remove_padding:
        yield finding(config, key, "sequences are shared only where they are packed", "set model.use_remove_padding")


def tokens(config: DictConfig) -> Iterator[Finding]:
    """A micro-batch holds the longest sequence."""
    if not config.actor_rollout_ref.actor.use_dynamic_bsz:
        return
    longest = config.data.max_prompt_length + config.data.max_response_length
    size, reported = sequence_parallel(config), set()
    for key in (f"{ACTOR}.ppo_max_token_len_per_gpu", f"{ROLLOUT}.log_prob_max_token_len_per_gpu"):
        budget = OmegaConf.select(config, key)
        if budget * size < longest and budget not in reported:
            reported.add(budget)
            message = f"times ulysses {size} it is less than prompt and response, {longest} tokens"
            remedy = f"set it to {-(-longest // size)} or more, raise {sequence_parallel_key(config)}, "
            yield finding(config, key, message, remedy + "or lower data.max_response_length")


def tensor_parallel(config: DictConfig) -> Iterator[Finding]:
    """A vLLM replica fits on one node, and its size divides the heads."""
    key, rollout = f"{ROLLOUT}.tensor_model_parallel_size", config.actor_rollout_ref.rollout
    size, shape = rollout.tensor_model_parallel_size, model_shape(config)
    node = (config.trainer if config.actor_rollout_ref.hybrid_engine else rollout).n_gpus_per_node
    valid = shape.valid_tensor_parallel(node) if shape else _divisors(node)
    remedy = f"use one of {valid}"
    if size > node:
        yield finding(config, key, f"a replica would need more than the {node} GPUs of a node", remedy)
    elif node % size:
        yield finding(config, key, f"it does not divide the {node} GPUs of a node", remedy)
    elif shape and size not in valid:
        message = f"it does not split the model's {shape.heads} heads and {shape.kv_heads} key-value heads evenly"
        yield finding(config, key, message, remedy)


def _setup(config: DictConfig) -> Setup | None:
    """The setup of a config; None on a CPU, and where another check reports what is missing."""
    try:
        return setup_from(config)
    except UserError:
        return None


def fits(config: DictConfig) -> Iterator[Finding]:
    """The run fits its GPUs. It is refused where training state and vLLM's share exceed the GPU, or the weights that
    share; the rest of the plan is an estimate, and only a warning."""
    setup = _setup(config)
    if setup is None or not (sentences := overflows(setup)):
        return
    limit, changes = setup.gpu_bytes or 0, remedy(setup)
    certain = (
        sum(state(setup).values()) > limit
        or engine_bytes(setup) + resident(setup) > limit
        or engine_weights(setup) > engine_bytes(setup)
    )
    advice = "it fits with " + " ".join(changes) if changes else "use larger GPUs, or a smaller model"
    message = "; ".join(sentences) + " (dgpo plan shows the parts)"
    yield finding(config, "run.gpu_memory_gib", message, advice, fatal=certain)


def offloading(config: DictConfig) -> Iterator[Finding]:
    """What is offloaded fits into this machine's memory; not checked for a run on a cluster."""
    setup = _setup(config) if cluster_address(config) is None else None
    if setup is None:
        return
    needed, limit = host_bytes(setup), memory_limit()
    if needed > limit:
        message = (
            f"what is offloaded takes {needed / GIB:.0f} GiB of CPU memory on each node, and this process may use "
            f"{limit / GIB:.0f}"
        )
        advice = "raise the limit of the container or job, offload less, or take more nodes"
        yield finding(config, f"{ENGINE}.param_offload", message, advice)


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
