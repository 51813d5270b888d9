"""How GPUs share sequences, weights and replicas: sizes that verl or vLLM would refuse once the cluster runs."""

from collections.abc import Iterator

from omegaconf import DictConfig

from dgpo.config.checks.finding import Finding
from dgpo.config.memory.setup import sequence_parallel, sequence_parallel_key
from dgpo.config.memory.shape import ModelShape, find_shape
from dgpo.errors import UserError

ACTOR = "actor_rollout_ref.actor"
ROLLOUT = "actor_rollout_ref.rollout"


def model_shape(config: DictConfig) -> ModelShape | None:
    """The model's shape; None where it is not known, which `files.model` reports where it matters."""
    try:
        return find_shape(config.actor_rollout_ref.model.path)
    except UserError:
        return None


def world(config: DictConfig) -> int:
    """FSDP ranks of the run."""
    return max(1, config.trainer.nnodes * config.trainer.n_gpus_per_node)


def sharding(config: DictConfig) -> Iterator[Finding]:
    """FSDP groups are of one size."""
    key, size = f"{ACTOR}.fsdp_config.fsdp_size", config.actor_rollout_ref.actor.fsdp_config.fsdp_size
    if 0 < size < world(config) and world(config) % size:
        divisors = [part for part in range(1, world(config) + 1) if world(config) % part == 0]
        yield Finding(key, size, f"it does not divide the {world(config)} GPUs", f"use -1 (all), or one of {divisors}")


def output_layer(config: DictConfig) -> Iterator[Finding]:
    """verl's fused kernels read the output layer's weights without calling it; where it is a unit of FSDP2 of its own,
    as every one is that is not the embedding, they find their shard of it."""
    shape, strategy = model_shape(config), config.actor_rollout_ref.actor.strategy
    if config.actor_rollout_ref.model.use_fused_kernels and strategy == "fsdp2" and not (shape and shape.tied):
        yield Finding(
            "actor_rollout_ref.model.use_fused_kernels",
            True,
            "under FSDP2 the first log-probs of a model whose output layer is not its embedding would fail: "
            "mixed torch.Tensor and DTensor",
            "set it to false; configs/reasoning.yaml needs no more memory without",
        )


def ulysses(config: DictConfig) -> Iterator[Finding]:
    """Sequences are dealt out over GPUs that divide the heads, the world, and nothing but packed sequences."""
    key, size, gpus = sequence_parallel_key(config), sequence_parallel(config), world(config)
    if size == 1:
        return
    shape = model_shape(config)
    if gpus % size:
        valid = shape.valid_ulysses(gpus) if shape else [part for part in range(1, gpus + 1) if gpus % part == 0]
        yield Finding(key, size, f"it does not divide the {gpus} GPUs", f"use one of {valid}")
    elif shape and size not in shape.valid_ulysses(gpus):
        yield Finding(
            key,
            size,
            f"it does not divide the model's {shape.heads} heads and {shape.kv_heads} key-value heads",
            f"use one of {shape.valid_ulysses(gpus)}",
        )
    if not config.actor_rollout_ref.model.use_remove_padding:
        yield Finding(key, size, "sequences are shared only where they are packed", "set model.use_remove_padding")


def tokens(config: DictConfig) -> Iterator[Finding]:
    """A micro-batch holds the longest sequence."""
    if not config.actor_rollout_ref.actor.use_dynamic_bsz:
        return
    longest = config.data.max_prompt_length + config.data.max_response_length
    size = max(1, sequence_parallel(config))
    least = -(-longest // size)
    budgets = {
        f"{ACTOR}.ppo_max_token_len_per_gpu": config.actor_rollout_ref.actor.ppo_max_token_len_per_gpu,
        f"{ROLLOUT}.log_prob_max_token_len_per_gpu": config.actor_rollout_ref.rollout.log_prob_max_token_len_per_gpu,
    }
    seen = set()
    for key, budget in budgets.items():
        if budget * size < longest and budget not in seen:
            seen.add(budget)
            yield Finding(
                key,
                budget,
                f"times ulysses {size} it is less than prompt and response, {longest} tokens",
                f"set it to {least} or more, raise {sequence_parallel_key(config)}, or lower data.max_response_length",
            )


def tensor_parallel(config: DictConfig) -> Iterator[Finding]:
    """A replica fits a node, and splits the heads."""
    key, size = f"{ROLLOUT}.tensor_model_parallel_size", config.actor_rollout_ref.rollout.tensor_model_parallel_size
    separate = not config.actor_rollout_ref.hybrid_engine
    node = config.actor_rollout_ref.rollout.n_gpus_per_node if separate else config.trainer.n_gpus_per_node
    shape = model_shape(config)
    valid = shape.valid_tensor_parallel(node) if shape else [part for part in range(1, node + 1) if node % part == 0]
    remedy = f"use one of {valid}"
    if size > node:
        yield Finding(key, size, f"a replica would need more than the {node} GPUs of a node", remedy)
    elif node % size:
        yield Finding(key, size, f"it does not divide the {node} GPUs of a node", remedy)
    elif shape and size not in valid:
        message = f"it does not split the model's {shape.heads} heads and {shape.kv_heads} key-value heads evenly"
        yield Finding(key, size, message, remedy)
