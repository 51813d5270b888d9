"""Checks of parallel sizes (sequences, weights, replicas) that verl or vLLM would refuse once the cluster runs."""

from collections.abc import Iterator

from omegaconf import DictConfig, OmegaConf

from dgpo.config.checks.finding import Finding, finding
from dgpo.config.memory.setup import ACTOR, ENGINE, MODEL, ROLLOUT, sequence_parallel, sequence_parallel_key
from dgpo.config.memory.shape import ModelShape, find_shape
from dgpo.errors import UserError


def model_shape(config: DictConfig) -> ModelShape | None:
    """The model's shape; None where it is not known, which `model.model` reports where it matters."""
    try:
        return find_shape(config.actor_rollout_ref.model.path)
    except UserError:
        return None


def world(config: DictConfig) -> int:
    """FSDP ranks of the run."""
    return config.trainer.nnodes * config.trainer.n_gpus_per_node


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
