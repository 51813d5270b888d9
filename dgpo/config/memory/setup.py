"""A composed config as the formulas see it."""

from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf

from dgpo.config.memory.phases import GIB, Setup, micro_batch_tokens
from dgpo.config.memory.shape import PlanError, find_shape

DTYPE_BYTES = {"fp32": 4, "float32": 4, "bf16": 2, "bfloat16": 2, "fp16": 2, "float16": 2}


def _dtype_bytes(key: str, value: Any) -> int:
    if str(value) not in DTYPE_BYTES:
        raise PlanError(f"{key}={value}: there is no such dtype; use one of {', '.join(DTYPE_BYTES)}")
    return DTYPE_BYTES[str(value)]


ACTOR = "actor_rollout_ref.actor"


def sequence_parallel_key(config: DictConfig) -> str:
    """The key of the actor's Ulysses size: verl reads the actor's own where it is above 1, else the engine's."""
    own = f"{ACTOR}.ulysses_sequence_parallel_size"
    return own if OmegaConf.select(config, own) > 1 else f"{ACTOR}.fsdp_config.ulysses_sequence_parallel_size"


def sequence_parallel(config: DictConfig) -> int:
    """Ulysses size of the actor."""
    return OmegaConf.select(config, sequence_parallel_key(config))


def micro_batch_key(config: DictConfig) -> str:
    """The key of the size of a micro-batch: in tokens where verl fills it by tokens, else in samples."""
    filled = config.actor_rollout_ref.actor.use_dynamic_bsz
    return f"{ACTOR}.ppo_max_token_len_per_gpu" if filled else f"{ACTOR}.ppo_micro_batch_size_per_gpu"


# What the formulas divide by, or multiply; fsdp_size may also be -1, for all GPUs.
POSITIVE = (
    "trainer.nnodes",
    "trainer.n_gpus_per_node",
    "data.max_prompt_length",
    "data.max_response_length",
    "actor_rollout_ref.actor.ppo_mini_batch_size",
    "actor_rollout_ref.rollout.n",
    "actor_rollout_ref.rollout.tensor_model_parallel_size",
    "actor_rollout_ref.rollout.gpu_memory_utilization",
    "actor_rollout_ref.rollout.max_num_batched_tokens",
    "actor_rollout_ref.rollout.max_num_seqs",
)


def _check(config: DictConfig) -> None:
    keys = (*POSITIVE, micro_batch_key(config), sequence_parallel_key(config))
    values = {key: OmegaConf.select(config, key) for key in keys}
    size = config.actor_rollout_ref.actor.fsdp_config.fsdp_size
    values[f"{ACTOR}.fsdp_config.fsdp_size"] = 1 if size == -1 else size
    if config.run.gpu_memory_gib is not None:
        values["run.gpu_memory_gib"] = config.run.gpu_memory_gib
    for key, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise PlanError(f"{key}={value}: it must be above 0")


def setup_from(config: DictConfig) -> Setup:
    """The setup of a resolved config.

    Raises:
        PlanError: the config trains on a CPU, a size in it is no positive number, or its model has no readable shape.
    """
    if config.trainer.device == "cpu":
        raise PlanError("trainer.device=cpu: the plan is for GPUs; choose hardware=1x8, or another of configs/hardware")
    _check(config)
    actor, rollout, model = (config.actor_rollout_ref[name] for name in ("actor", "rollout", "model"))
    engine, gpu = actor.fsdp_config, config.run.gpu_memory_gib
    gpus = config.trainer.nnodes * config.trainer.n_gpus_per_node
    longest, ulysses = config.data.max_prompt_length + config.data.max_response_length, sequence_parallel(config)
    micro_batch = None if actor.use_dynamic_bsz else actor.ppo_micro_batch_size_per_gpu
    compute = OmegaConf.select(engine, "mixed_precision.param_dtype", default="bf16")
    return Setup(
        shape=find_shape(model.path),
        nodes=config.trainer.nnodes,
        gpus_per_node=config.trainer.n_gpus_per_node,
        gpu_bytes=None if gpu is None else int(gpu * GIB),
        shard=gpus if engine.fsdp_size < 0 else min(engine.fsdp_size, gpus),
        master_bytes=_dtype_bytes("actor_rollout_ref.actor.fsdp_config.model_dtype", engine.model_dtype),
        compute_bytes=_dtype_bytes("actor_rollout_ref.actor.fsdp_config.mixed_precision.param_dtype", compute),
        tokens=actor.ppo_max_token_len_per_gpu
        if micro_batch is None
        else micro_batch_tokens(micro_batch, longest, ulysses),
        longest=longest,
        micro_batch=micro_batch,
        update_samples=actor.ppo_mini_batch_size * rollout.n,
        ulysses=ulysses,
        ulysses_key=sequence_parallel_key(config),
        strategy=actor.strategy,
        checkpointing=model.enable_gradient_checkpointing,
        activation_offload=model.enable_activation_offload,
        fused=model.use_fused_kernels,
        chunked_entropy=engine.entropy_from_logits_with_chunking or not actor.calculate_entropy,
        param_offload=engine.param_offload,
        optimizer_offload=engine.optimizer_offload,
        offload_policy=engine.offload_policy,
        colocated=config.actor_rollout_ref.hybrid_engine,
        tensor_parallel=rollout.tensor_model_parallel_size,
        utilisation=rollout.gpu_memory_utilization,
        batched_tokens=rollout.max_num_batched_tokens,
        sequences=rollout.max_num_seqs,
        graphs=not rollout.enforce_eager,
        sleeps=rollout.free_cache_engine,
        bucket_bytes=rollout.checkpoint_engine.update_weights_bucket_megabytes * 2**20,
        fixed=tuple(_fixed(config)),
    )


def _fixed(config: DictConfig) -> Iterator[str]:
    """Fields whose change `dgpo check` would refuse, by what else the config says."""
    model, actor, rollout = (config.actor_rollout_ref[name] for name in ("model", "actor", "rollout"))
    if actor.fsdp_config.entropy_from_logits_with_chunking or actor.calculate_sum_pi_squared:
        yield "fused"
    if not model.use_remove_padding:
        yield "ulysses"
    if not config.actor_rollout_ref.hybrid_engine and rollout.n_gpus_per_node != config.trainer.n_gpus_per_node:
        yield "tensor_parallel"
