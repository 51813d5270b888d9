"""A composed config as the formulas see it."""

from typing import Any

from omegaconf import DictConfig, OmegaConf

from dgpo.plan.memory import GIB, Setup
from dgpo.plan.shape import PlanError, find_shape

DTYPE_BYTES = {"fp32": 4, "float32": 4, "bf16": 2, "bfloat16": 2, "fp16": 2, "float16": 2}


def _dtype_bytes(key: str, value: Any) -> int:
    if str(value) not in DTYPE_BYTES:
        raise PlanError(f"{key}={value}: there is no such dtype; use one of {', '.join(DTYPE_BYTES)}")
    return DTYPE_BYTES[str(value)]


def sequence_parallel(config: DictConfig) -> int:
    """Ulysses size of the actor: verl reads the actor's own key where it is above 1, else the engine's."""
    actor = config.actor_rollout_ref.actor
    own = actor.ulysses_sequence_parallel_size
    return own if own > 1 else actor.fsdp_config.ulysses_sequence_parallel_size


# What the formulas divide by, or multiply; fsdp_size may also be -1, for all GPUs.
POSITIVE = (
    "trainer.nnodes",
    "trainer.n_gpus_per_node",
    "data.max_prompt_length",
    "data.max_response_length",
    "actor_rollout_ref.actor.ppo_max_token_len_per_gpu",
    "actor_rollout_ref.rollout.tensor_model_parallel_size",
    "actor_rollout_ref.rollout.gpu_memory_utilization",
    "actor_rollout_ref.rollout.max_num_batched_tokens",
    "actor_rollout_ref.rollout.max_num_seqs",
)


def _check(config: DictConfig) -> None:
    values = {key: OmegaConf.select(config, key) for key in POSITIVE}
    engine = "actor_rollout_ref.actor.fsdp_config"
    values[f"{engine}.ulysses_sequence_parallel_size"] = sequence_parallel(config)
    size = OmegaConf.select(config, f"{engine}.fsdp_size")
    values[f"{engine}.fsdp_size"] = 1 if size == -1 else size
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
    packed = actor.use_dynamic_bsz
    tokens = actor.ppo_max_token_len_per_gpu if packed else (actor.ppo_micro_batch_size_per_gpu or 1) * longest
    compute = OmegaConf.select(engine, "mixed_precision.param_dtype", default="bf16")
    return Setup(
        shape=find_shape(model.path),
        nodes=config.trainer.nnodes,
        gpus_per_node=config.trainer.n_gpus_per_node,
        gpu_bytes=None if gpu is None else int(gpu * GIB),
        shard=gpus if engine.fsdp_size < 0 else min(engine.fsdp_size, gpus),
        master_bytes=_dtype_bytes("actor_rollout_ref.actor.fsdp_config.model_dtype", engine.model_dtype),
        compute_bytes=_dtype_bytes("actor_rollout_ref.actor.fsdp_config.mixed_precision.param_dtype", compute),
        tokens=tokens if packed else tokens // ulysses,
        longest=longest,
        ulysses=ulysses,
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
    )
