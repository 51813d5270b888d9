"""The quantities of a run that the formulas need, and how to read them from a composed config."""

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from omegaconf import DictConfig, OmegaConf

from dgpo.config.memory.lora import Lora, adapter_parameters, lora_from
from dgpo.config.memory.shape import ModelShape, find_shape
from dgpo.errors import UserError

GIB = 2**30
MODEL, ACTOR, ROLLOUT = (f"actor_rollout_ref.{name}" for name in ("model", "actor", "rollout"))
ENGINE, REF = f"{ACTOR}.fsdp_config", "actor_rollout_ref.ref"
DTYPE_BYTES = {"fp32": 4, "float32": 4, "bf16": 2, "bfloat16": 2, "fp16": 2, "float16": 2}


@dataclass(frozen=True)
class Gpu:
    """Dense bfloat16 FLOP/s and memory bytes/s, from the data sheet of the SXM board."""

    name: str
    flops: float
    bandwidth: float


GPUS = {
    gpu.name: gpu
    for gpu in (
        Gpu("A100", 312e12, 2.0e12),
        Gpu("H100", 989e12, 3.35e12),
        Gpu("H200", 989e12, 4.8e12),
        Gpu("H20", 148e12, 4.0e12),
    )
}


@dataclass(frozen=True)
class MicroBatch:
    """What a GPU computes at a time: ``size`` tokens, or samples of full length if not ``by_tokens``; and its key."""

    size: int
    by_tokens: bool = True
    key: str = f"{ACTOR}.ppo_max_token_len_per_gpu"

    def tokens(self, longest: int, ulysses: int) -> int:
        return self.size if self.by_tokens else self.size * longest // ulysses


def _option(key: str, usual: Any = MISSING) -> Any:
    """A field whose value is that of an option of the config."""
    return field(default=usual, metadata={"key": key})


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The quantities of a run that the formulas need. A field is the option it names, or has its meaning beside it."""

    shape: ModelShape
    lora: Lora | None = None  # trained instead of the model
    nodes: int = _option("trainer.nnodes")
    gpus_per_node: int = _option("trainer.n_gpus_per_node")
    gpu_bytes: int | None  # None if not stated
    fsdp_size: int = _option(f"{ENGINE}.fsdp_size", -1)  # GPUs that share one copy of the training state; -1 for all
    master_bytes: int = 4  # m
    compute_bytes: int = 2  # c
    micro_batch: MicroBatch  # of the update
    log_prob_batch: MicroBatch | None = None  # of the pass for old log-probs; None if the same as the update's
    reference_batch: MicroBatch | None = None  # of the KL term's second model; None without one
    reference_bytes: int = 4  # m of that model, which verl keeps on the CPU
    longest: int  # tokens of prompt and response together
    response: int = _option("data.max_response_length")
    update_samples: int  # of one optimiser update, over all GPUs
    samples: int  # of one step
    steps: int | None = _option("trainer.total_training_steps", None)  # None if the data decide
    gpu: Gpu | None = None  # for which hours are estimated
    rollout_gpus: int  # all GPUs that answer
    ulysses: int = 1  # GPUs that share one sequence
    ulysses_key: str = f"{ENGINE}.ulysses_sequence_parallel_size"  # the option of ulysses
    strategy: str = _option(f"{ACTOR}.strategy", "fsdp2")
    checkpointing: bool = _option(f"{MODEL}.enable_gradient_checkpointing", True)
    activation_offload: bool = _option(f"{MODEL}.enable_activation_offload", False)
    fused: bool = _option(f"{MODEL}.use_fused_kernels", False)  # log-probs without logits of the whole micro-batch
    update_entropy: bool = _option(f"{ACTOR}.calculate_entropy", False)  # the update differentiates the entropy
    # In pieces of `entropy_rows` tokens, if not fused.
    chunked_entropy: bool = _option(f"{ENGINE}.entropy_from_logits_with_chunking", False)
    entropy_rows: int = _option(f"{ENGINE}.entropy_from_logits_chunk_size", 2048)
    param_offload: bool = _option(f"{ENGINE}.param_offload", False)
    optimizer_offload: bool = _option(f"{ENGINE}.optimizer_offload", False)
    # Always on the CPU (FSDP2), not only outside of the update.
    offload_policy: bool = _option(f"{ENGINE}.offload_policy", False)
    colocated: bool = _option("actor_rollout_ref.hybrid_engine", True)  # vLLM lives on the same GPUs
    tensor_parallel: int = _option(f"{ROLLOUT}.tensor_model_parallel_size", 1)
    utilisation: float = _option(f"{ROLLOUT}.gpu_memory_utilization", 0.5)
    batched_tokens: int = _option(f"{ROLLOUT}.max_num_batched_tokens", 8192)
    sequences: int = _option(f"{ROLLOUT}.max_num_seqs", 256)
    graphs: bool = True  # vLLM captures CUDA graphs
    sleeps: bool = _option(f"{ROLLOUT}.free_cache_engine", True)  # vLLM gives its memory back after a batch
    bucket_bytes: int = 2 * GIB  # of the weight sync
    fixed: tuple[str, ...] = ()  # fields that must not change because of another option

    @property
    def adapter(self) -> int:
        """Parameters that LoRA adds."""
        return adapter_parameters(self.shape, self.lora) if self.lora else 0

    @property
    def trained(self) -> int:
        """Parameters that have gradients and moments."""
        return self.adapter if self.lora else self.shape.parameters

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
        """Whether an update's samples divide evenly into ranks, and those of a rank into micro-batches."""
        share, rest = divmod(self.update_samples * self.ulysses, self.gpus)
        return rest == 0 and (self.micro_batch.by_tokens or share % self.micro_batch.size == 0)

    @property
    def broken(self) -> bool:
        """Whether verl would crash or refuse. FSDP2 shards the output layer by itself unless it is the embedding, and
        fused log-probs cannot read a sharded weight; nor do they make logits, which chunked entropy needs."""
        return self.fused and (self.chunked_entropy or (self.strategy == "fsdp2" and not self.shape.tied))


KEYS: dict[str, str] = {each.name: each.metadata["key"] for each in fields(Setup) if each.metadata}
"""Fields of `Setup` that are options, with their keys."""


def sequence_parallel_key(config: DictConfig) -> str:
    """The key of the actor's Ulysses size: verl reads the actor's own if it is above 1, else the engine's."""
    own = f"{ACTOR}.ulysses_sequence_parallel_size"
    return own if OmegaConf.select(config, own) > 1 else f"{ENGINE}.ulysses_sequence_parallel_size"


def sequence_parallel(config: DictConfig) -> int:
    """Ulysses size of the actor."""
    return OmegaConf.select(config, sequence_parallel_key(config))


def _micro_batch(config: DictConfig, switch: str, prefix: str) -> MicroBatch:
    by_tokens = OmegaConf.select(config, switch)
    key = f"{prefix}_{'max_token_len' if by_tokens else 'micro_batch_size'}_per_gpu"
    size = OmegaConf.select(config, key)
    if size is None:
        raise UserError(f"{key}=None: it must be above 0; give the samples of a micro-batch, or set {switch}=true")
    return MicroBatch(size, by_tokens, key)


def setup_from(config: DictConfig) -> Setup:
    """The setup of a resolved config whose values are in their ranges (`dgpo.config.checks.values`). UserError where it
    trains on a CPU, has no size of a micro-batch, or its model has no readable shape."""
    if config.trainer.device == "cpu":
        raise UserError("trainer.device=cpu: the plan is for GPUs; choose hardware=1x8, or another of configs/hardware")
    actor, rollout, data = config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout, config.data
    update = _micro_batch(config, f"{ACTOR}.use_dynamic_bsz", f"{ACTOR}.ppo")
    forward = _micro_batch(config, f"{ROLLOUT}.log_prob_use_dynamic_bsz", f"{ROLLOUT}.log_prob")
    follows = (forward.size, forward.by_tokens) == (update.size, True)
    compute = OmegaConf.select(actor.fsdp_config, "mixed_precision.param_dtype", default="bf16")
    gpu, answering = config.run.gpu_memory_gib, config.trainer if config.actor_rollout_ref.hybrid_engine else rollout
    lora, reference = lora_from(config), None
    # With LoRA the reference is the model without its adapter.
    if (actor.use_kl_loss or config.algorithm.use_kl_in_reward) and not lora:
        reference = _micro_batch(config, f"{REF}.log_prob_use_dynamic_bsz", f"{REF}.log_prob")
    options = {name: OmegaConf.select(config, key) for name, key in KEYS.items()}
    options["update_entropy"] |= actor.entropy_coeff != 0
    return Setup(
        **options,
        shape=find_shape(config.actor_rollout_ref.model.path),
        lora=lora,
        gpu_bytes=None if gpu is None else int(gpu * GIB),
        master_bytes=DTYPE_BYTES[actor.fsdp_config.model_dtype],
        compute_bytes=DTYPE_BYTES[compute],
        micro_batch=update,
        log_prob_batch=None if follows else forward,
        reference_batch=reference,
        reference_bytes=DTYPE_BYTES[config.actor_rollout_ref.ref.fsdp_config.model_dtype],
        longest=data.max_prompt_length + data.max_response_length,
        update_samples=actor.ppo_mini_batch_size * rollout.n,
        samples=data.train_batch_size * rollout.n,
        gpu=GPUS.get(config.run.gpu),
        rollout_gpus=answering.nnodes * answering.n_gpus_per_node,
        ulysses=sequence_parallel(config),
        ulysses_key=sequence_parallel_key(config),
        graphs=not rollout.enforce_eager,
        bucket_bytes=rollout.checkpoint_engine.update_weights_bucket_megabytes * 2**20,
        fixed=tuple(_fixed(config)),
    )


def _fixed(config: DictConfig) -> Iterator[str]:
    """Fields whose change `dgpo check` would refuse because of other options."""
    model, actor, rollout = (config.actor_rollout_ref[name] for name in ("model", "actor", "rollout"))
    if actor.calculate_sum_pi_squared:
        yield "fused"
    if actor.entropy_coeff != 0:
        yield "update_entropy"
    if not model.use_remove_padding:
        yield "ulysses"
    if not config.actor_rollout_ref.hybrid_engine and rollout.n_gpus_per_node != config.trainer.n_gpus_per_node:
        yield "tensor_parallel"
