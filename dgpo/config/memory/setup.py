"""A run as the formulas see it, and how it is read from a composed config."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from dgpo.config.memory.gpus import Gpu, find_gpu
from dgpo.config.memory.lora import Lora, adapter_parameters, lora_from
from dgpo.config.memory.shape import ModelShape, find_shape
from dgpo.errors import UserError

GIB = 2**30
ACTOR = "actor_rollout_ref.actor"
ROLLOUT = "actor_rollout_ref.rollout"
DTYPE_BYTES = {"fp32": 4, "float32": 4, "bf16": 2, "bfloat16": 2, "fp16": 2, "float16": 2}


@dataclass(frozen=True)
class MicroBatch:
    """What a GPU takes at once: ``size`` tokens, or where not ``by_tokens`` samples of full length; and its key."""

    size: int
    by_tokens: bool = True
    key: str = f"{ACTOR}.ppo_max_token_len_per_gpu"

    def tokens(self, longest: int, ulysses: int) -> int:
        return self.size if self.by_tokens else self.size * longest // ulysses


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A run as the formulas see it.

    Attributes:
        shape: of the model.
        lora: what is trained instead of the model; None where the model is.
        nodes, gpus_per_node: of the trainer.
        gpu_bytes: memory of one GPU; None where it is not stated.
        fsdp_size: GPUs that share one copy of the training state; -1 for all.
        master_bytes, compute_bytes: m and c.
        micro_batch: of the update.
        log_prob_batch: of the pass for old log-probs; None where it follows the update's.
        longest: tokens of prompt and response together.
        response: tokens of the longest response.
        update_samples: of one optimiser update, over all GPUs.
        samples: of one step.
        steps: of the run; None where its data decide.
        gpu: of which hours are estimated; None where it is not stated.
        rollout_gpus: all that answer.
        ulysses: GPUs that share one sequence.
        ulysses_key: of the config, from which that was taken.
        strategy: fsdp2, or fsdp for FSDP1.
        checkpointing: layers are recomputed in the backward pass.
        activation_offload: their inputs wait on the CPU.
        fused: log-probs without logits of the whole micro-batch.
        update_entropy: the update differentiates the entropy.
        chunked_entropy: the entropy is computed by pieces of entropy_rows tokens, where not fused.
        param_offload, optimizer_offload: on the CPU outside of the update.
        offload_policy: on the CPU always (FSDP2).
        colocated: vLLM lives on the same GPUs.
        tensor_parallel: GPUs of one replica.
        utilisation: share of the GPU that vLLM takes.
        batched_tokens, sequences: of one step of vLLM.
        graphs: vLLM captures CUDA graphs.
        sleeps: vLLM gives its memory back after a batch.
        bucket_bytes: of the weight sync.
        fixed: fields that stay as they are: another setting of the config forbids to change them.
    """

    shape: ModelShape
    lora: Lora | None = None
    nodes: int
    gpus_per_node: int
    gpu_bytes: int | None
    fsdp_size: int = -1
    master_bytes: int = 4
    compute_bytes: int = 2
    micro_batch: MicroBatch
    log_prob_batch: MicroBatch | None = None
    longest: int
    response: int
    update_samples: int
    samples: int
    steps: int | None = None
    gpu: Gpu | None = None
    rollout_gpus: int
    ulysses: int = 1
    ulysses_key: str = f"{ACTOR}.fsdp_config.ulysses_sequence_parallel_size"
    strategy: str = "fsdp2"
    checkpointing: bool = True
    activation_offload: bool = False
    fused: bool = False
    update_entropy: bool = False
    chunked_entropy: bool = False
    entropy_rows: int = 2048
    param_offload: bool = False
    optimizer_offload: bool = False
    offload_policy: bool = False
    colocated: bool = True
    tensor_parallel: int = 1
    utilisation: float = 0.5
    batched_tokens: int = 8192
    sequences: int = 256
    graphs: bool = True
    sleeps: bool = True
    bucket_bytes: int = 2 * GIB
    fixed: tuple[str, ...] = ()

    @property
    def adapter(self) -> int:
        """Parameters that LoRA adds."""
        return adapter_parameters(self.shape, self.lora) if self.lora else 0

    @property
    def trained(self) -> int:
        """Parameters that have gradients and moments."""
        return self.adapter if self.lora else self.shape.parameters

    @property
    def update_passes(self) -> int:
        """Forward passes that forward and backward pass of the update cost: frozen weights have no gradient."""
        return 2 if self.lora else 3

    @property
    def gpus(self) -> int:
        return self.nodes * self.gpus_per_node

    @property
    def shard(self) -> int:
        """S, GPUs that share one copy of the training state."""
        return self.gpus if self.fsdp_size < 0 else min(self.fsdp_size, self.gpus)

    @property
    def tokens(self) -> int:
        """T of the update."""
        return self.micro_batch.tokens(self.longest, self.ulysses)

    @property
    def log_prob_tokens(self) -> int:
        """T of the pass for old log-probs."""
        return (self.log_prob_batch or self.micro_batch).tokens(self.longest, self.ulysses)

    @property
    def even(self) -> bool:
        """Whether an update's samples divide over the ranks, and those of a rank into micro-batches."""
        share, rest = divmod(self.update_samples * self.ulysses, self.gpus)
        return rest == 0 and (self.micro_batch.by_tokens or share % self.micro_batch.size == 0)

    @property
    def broken(self) -> bool:
        """Whether verl would crash or refuse: fused log-probs read a sharded weight where FSDP2 wraps the output layer
        by itself, which it does unless the layer is the embedding; and they make no logits to take in pieces."""
        return self.fused and (self.chunked_entropy or (self.strategy == "fsdp2" and not self.shape.tied))


def _dtype_bytes(key: str, value: Any) -> int:
    if str(value) not in DTYPE_BYTES:
        raise UserError(f"{key}={value}: there is no such dtype; use one of {', '.join(DTYPE_BYTES)}")
    return DTYPE_BYTES[str(value)]


def sequence_parallel_key(config: DictConfig) -> str:
    """The key of the actor's Ulysses size: verl reads the actor's own where it is above 1, else the engine's."""
    own = f"{ACTOR}.ulysses_sequence_parallel_size"
    return own if OmegaConf.select(config, own) > 1 else f"{ACTOR}.fsdp_config.ulysses_sequence_parallel_size"


def sequence_parallel(config: DictConfig) -> int:
    """Ulysses size of the actor."""
    return OmegaConf.select(config, sequence_parallel_key(config))


def micro_batch(config: DictConfig) -> MicroBatch:
    """Of the update: in tokens where verl fills it by tokens, else in samples."""
    return _micro_batch(config, f"{ACTOR}.use_dynamic_bsz", f"{ACTOR}.ppo")


def _micro_batch(config: DictConfig, switch: str, prefix: str) -> MicroBatch:
    by_tokens = OmegaConf.select(config, switch)
    key = f"{prefix}_{'max_token_len' if by_tokens else 'micro_batch_size'}_per_gpu"
    return MicroBatch(_positive(config, key), by_tokens, key)


# What the formulas divide by, or multiply.
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


def _positive(config: DictConfig, key: str) -> Any:
    value = OmegaConf.select(config, key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise UserError(f"{key}={value}: it must be above 0")
    return value


def setup_from(config: DictConfig) -> Setup:
    """The setup of a resolved config.

    Raises:
        UserError: the config trains on a CPU, a size in it is no positive number, or its model has no readable shape.
    """
    if config.trainer.device == "cpu":
        raise UserError("trainer.device=cpu: the plan is for GPUs; choose hardware=1x8, or another of configs/hardware")
    actor, rollout, model = (config.actor_rollout_ref[name] for name in ("actor", "rollout", "model"))
    engine, gpu = actor.fsdp_config, config.run.gpu_memory_gib
    for key in (*POSITIVE, sequence_parallel_key(config)):
        _positive(config, key)
    if engine.fsdp_size != -1:
        _positive(config, f"{ACTOR}.fsdp_config.fsdp_size")
    if gpu is not None:
        _positive(config, "run.gpu_memory_gib")
    update = micro_batch(config)
    forward = _micro_batch(config, f"{ROLLOUT}.log_prob_use_dynamic_bsz", f"{ROLLOUT}.log_prob")
    follows = (forward.size, forward.by_tokens) == (update.size, True)
    compute = OmegaConf.select(engine, "mixed_precision.param_dtype", default="bf16")
    return Setup(
        shape=find_shape(model.path),
        lora=lora_from(config),
        nodes=config.trainer.nnodes,
        gpus_per_node=config.trainer.n_gpus_per_node,
        gpu_bytes=None if gpu is None else int(gpu * GIB),
        fsdp_size=engine.fsdp_size,
        master_bytes=_dtype_bytes(f"{ACTOR}.fsdp_config.model_dtype", engine.model_dtype),
        compute_bytes=_dtype_bytes(f"{ACTOR}.fsdp_config.mixed_precision.param_dtype", compute),
        micro_batch=update,
        log_prob_batch=None if follows else forward,
        longest=config.data.max_prompt_length + config.data.max_response_length,
        response=config.data.max_response_length,
        update_samples=actor.ppo_mini_batch_size * rollout.n,
        samples=config.data.train_batch_size * rollout.n,
        steps=config.trainer.total_training_steps,
        gpu=find_gpu(config.run.gpu),
        rollout_gpus=config.trainer.nnodes * config.trainer.n_gpus_per_node
        if config.actor_rollout_ref.hybrid_engine
        else rollout.nnodes * rollout.n_gpus_per_node,
        ulysses=sequence_parallel(config),
        ulysses_key=sequence_parallel_key(config),
        strategy=actor.strategy,
        checkpointing=model.enable_gradient_checkpointing,
        activation_offload=model.enable_activation_offload,
        fused=model.use_fused_kernels,
        update_entropy=actor.calculate_entropy or actor.entropy_coeff != 0,
        chunked_entropy=engine.entropy_from_logits_with_chunking,
        entropy_rows=engine.entropy_from_logits_chunk_size,
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
    if actor.calculate_sum_pi_squared:
        yield "fused"
    if actor.entropy_coeff != 0:
        yield "update_entropy"
    if not model.use_remove_padding:
        yield "ulysses"
    if not config.actor_rollout_ref.hybrid_engine and rollout.n_gpus_per_node != config.trainer.n_gpus_per_node:
        yield "tensor_parallel"
