"""What one GPU holds in each phase of a step, in bytes, by the formulas of docs/launching.md.

Symbols: N parameters, S GPUs that share one copy of the training state, h hidden size, i intermediate size, q and k
widths of queries and of keys, V vocabulary, L layers, T tokens of a micro-batch on one GPU, P parameters of a layer,
c bytes a parameter in computation (2 for bfloat16), m bytes of its master copy (4 for fp32).
"""

from dataclasses import dataclass

from dgpo.config.memory.shape import ModelShape

GIB = 2**30
# Not computed but assumed: CUDA contexts, NCCL buffers and workspaces of the trainer, and of vLLM while it sleeps.
TRAINER_CONTEXT = int(1.5 * GIB)
ENGINE_CONTEXT = int(1.5 * GIB)
# CUDA graphs of vLLM, where it captures them.
GRAPHS = 1 * GIB
# verl's fused log-prob works through this many tokens at once (utils/experimental/torch_functional.py).
FUSED_CHUNK = 512
# fp32 copies of the logits that live at once in the backward pass, without and with chunked entropy.
LOGIT_COPIES, LOGIT_COPIES_CHUNKED = 3, 2


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A run as the formulas see it.

    Attributes:
        shape: of the model.
        nodes, gpus_per_node: of the trainer.
        gpu_bytes: memory of one GPU; None where it is not stated.
        shard: S, GPUs that share one copy of the training state.
        master_bytes, compute_bytes: m and c.
        tokens: T.
        longest: tokens of prompt and response together.
        micro_batch: samples of a micro-batch, of which T follows; None where it is filled by tokens.
        update_samples: of one optimiser update, over all GPUs.
        ulysses: GPUs that share one sequence.
        ulysses_key: of the config, from which that was taken.
        strategy: fsdp2, or fsdp for FSDP1.
        checkpointing: layers are recomputed in the backward pass.
        activation_offload: their inputs wait on the CPU.
        fused: log-probs without logits of the whole micro-batch.
        chunked_entropy: entropy by pieces, where not fused.
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
    nodes: int
    gpus_per_node: int
    gpu_bytes: int | None
    shard: int
    master_bytes: int = 4
    compute_bytes: int = 2
    tokens: int
    longest: int
    micro_batch: int | None = None
    update_samples: int
    ulysses: int = 1
    ulysses_key: str = "actor_rollout_ref.actor.fsdp_config.ulysses_sequence_parallel_size"
    strategy: str = "fsdp2"
    checkpointing: bool = True
    activation_offload: bool = False
    fused: bool = False
    chunked_entropy: bool = False
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
    def gpus(self) -> int:
        return self.nodes * self.gpus_per_node

    @property
    def even(self) -> bool:
        """Whether an update's samples divide over the ranks, and those of a rank into micro-batches."""
        share, rest = divmod(self.update_samples * self.ulysses, self.gpus)
        return rest == 0 and (self.micro_batch is None or share % self.micro_batch == 0)


@dataclass(frozen=True)
class Phase:
    """What one GPU holds at the peak of a phase: ``parts`` by name, in bytes."""

    name: str
    parts: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.parts.values())


def micro_batch_tokens(samples: int, longest: int, ulysses: int) -> int:
    """T of a micro-batch of ``samples`` samples, all of full length."""
    return samples * longest // ulysses


def layer_activations(shape: ModelShape, compute_bytes: int = 2) -> int:
    """Bytes a token that one layer keeps for its backward pass.

    Two norms keep an fp32 input, an fp32 normalised value and a c-byte one: 2·(8 + c)·h. Attention keeps q, k, v
    before and after rotation and its output: c·(3q + 4k); the residual c·h; the MLP gate, its activation, up and
    product: 4c·i.
    """
    c = compute_bytes
    attention = c * (3 * shape.query + 4 * shape.key_value)
    return 2 * (8 + c) * shape.hidden + attention + c * shape.hidden + 4 * c * shape.intermediate


def activations(setup: Setup) -> int:
    """Bytes of activations of one micro-batch at the peak of its backward pass.

    With checkpointing: L inputs of c·h a token (on the CPU where they are offloaded), and one layer in full with the
    gradients of its MLP, 3c·i a token. Without: all layers in full.
    """
    shape, c = setup.shape, setup.compute_bytes
    full = layer_activations(shape, c)
    kept = c * shape.hidden if setup.checkpointing else full
    working = 3 * c * shape.intermediate + (full if setup.checkpointing else 0)
    stored = 0 if setup.activation_offload else shape.layers * kept
    return setup.tokens * (stored + working)


def logits(setup: Setup, tokens: int | None = None) -> int:
    """Bytes of logits and their gradients: pieces of 512 tokens where fused, all T tokens otherwise.

    A fused piece holds five fp32 tensors (logits, probabilities, one-hot, gradient, their product) and the c-byte
    logits; otherwise 2 to 3 fp32 tensors.
    """
    if setup.fused:
        return FUSED_CHUNK * setup.shape.vocabulary * (5 * 4 + setup.compute_bytes)
    copies = LOGIT_COPIES_CHUNKED if setup.chunked_entropy else LOGIT_COPIES
    return (setup.tokens if tokens is None else tokens) * setup.shape.vocabulary * 4 * copies


def buffers(setup: Setup) -> int:
    """Bytes of what FSDP2 gathers for a moment: two layers and the output layer in c bytes, the gradient of the output
    layer until the end of the backward pass (twice where fused, which adds it up by pieces), and the gradient of a
    layer in c bytes and in fp32 for its reduction."""
    shape, c = setup.shape, setup.compute_bytes
    gathered = c * (2 * shape.layer_parameters + shape.embedding_parameters)
    output_gradient = c * shape.embedding_parameters * (2 if setup.fused else 1)
    return gathered + output_gradient + (c + 4) * shape.layer_parameters


def state(setup: Setup) -> dict[str, int]:
    """Bytes of weights, gradients and Adam's two fp32 moments of one GPU's share: m + m + 8 a parameter, over S."""
    share = 0 if setup.offload_policy else setup.shape.parameters / setup.shard
    weights = int(setup.master_bytes * share)
    return {"weights": weights, "gradients": weights, "optimiser": int(8 * share)}


def resident(setup: Setup) -> int:
    """Bytes of the training state that stay on the GPU while vLLM answers. Gradients are freed after each update."""
    parts = state(setup)
    kept = (0 if setup.param_offload else parts["weights"]) + (0 if setup.optimizer_offload else parts["optimiser"])
    return kept if setup.colocated else 0


def update(setup: Setup) -> Phase:
    """Backward pass of one micro-batch of the actor's update. Offloaded state is on the GPU for it, unless
    ``offload_policy`` keeps it away."""
    engine = (ENGINE_CONTEXT if setup.sleeps else engine_bytes(setup)) if setup.colocated else 0
    return Phase(
        "actor update",
        {
            **state(setup),
            "activations": activations(setup),
            "logits": logits(setup),
            "buffers": buffers(setup),
            "contexts": TRAINER_CONTEXT + engine,
        },
    )


def weight_sync(setup: Setup) -> Phase:
    """Weights go to vLLM: both hold theirs, the key-value cache does not exist yet. The largest parameter is gathered
    in fp32 and in c bytes."""
    parts = state(setup)
    engine_weights = 2 * setup.shape.parameters // setup.tensor_parallel if setup.colocated else 0
    return Phase(
        "weight sync",
        {
            "weights": parts["weights"],
            "optimiser": 0 if setup.optimizer_offload else parts["optimiser"],
            "vLLM weights": engine_weights,
            "buffers": setup.bucket_bytes + (4 + setup.compute_bytes) * setup.shape.embedding_parameters,
            "contexts": TRAINER_CONTEXT + (ENGINE_CONTEXT if setup.colocated else 0),
        },
    )


def engine_bytes(setup: Setup) -> int:
    """What vLLM takes: its share of the GPU, all told."""
    return int(setup.utilisation * (setup.gpu_bytes or 0))


def engine_working(setup: Setup) -> int:
    """Bytes that vLLM needs beside weights and cache: activations of one step, logits to sample from, CUDA graphs.

    2·(2i/TP + 6h) a batched token, three fp32 tensors of V a sequence.
    """
    shape = setup.shape
    per_token = 2 * (2 * shape.intermediate // setup.tensor_parallel + 6 * shape.hidden)
    return setup.batched_tokens * per_token + 12 * setup.sequences * shape.vocabulary + (GRAPHS if setup.graphs else 0)


def kv_bytes_per_token(shape: ModelShape, tensor_parallel: int = 1) -> int:
    """Bytes of keys and values a token on one GPU of a replica, in bfloat16; heads are repeated, not split, where there
    are more GPUs than key-value heads."""
    return 2 * 2 * shape.layers * shape.head_dim * max(1, shape.kv_heads // tensor_parallel)


def rollout(setup: Setup) -> Phase:
    """vLLM answers: its share of the GPU, of which weights and working space leave the key-value cache, beside the
    state that was not offloaded. The cache is below zero where vLLM would not start."""
    weights = 2 * setup.shape.parameters // setup.tensor_parallel
    working = engine_working(setup)
    return Phase(
        "rollout",
        {
            "training state": resident(setup),
            "vLLM weights": weights,
            "vLLM working": working,
            "KV cache": engine_bytes(setup) - weights - working,
            "contexts": TRAINER_CONTEXT if setup.colocated else 0,
        },
    )


def cache_tokens(setup: Setup) -> int:
    """Tokens that the key-value cache of one replica holds; below zero where it has no room at all."""
    return rollout(setup).parts["KV cache"] // kv_bytes_per_token(setup.shape, setup.tensor_parallel)


def host_bytes(setup: Setup) -> int:
    """Bytes of CPU memory a node needs for what is offloaded to it."""
    shape, copies = setup.shape, setup.gpus / setup.shard
    per_parameter = 0
    if setup.offload_policy or setup.param_offload:
        per_parameter += setup.master_bytes
    if setup.offload_policy:
        per_parameter += setup.master_bytes
    if setup.offload_policy or setup.optimizer_offload:
        per_parameter += 8
    inputs = 0
    if setup.checkpointing and setup.activation_offload:
        inputs = setup.gpus_per_node * setup.tokens * shape.layers * setup.compute_bytes * shape.hidden
    return int(per_parameter * shape.parameters * copies / setup.nodes) + inputs


def phases(setup: Setup) -> list[Phase]:
    """The phases of a step that can be its peak."""
    return [update(setup), weight_sync(setup), rollout(setup)]


def overflows(setup: Setup) -> list[str]:
    """What does not fit into the stated memory, a sentence each; nothing where none is stated."""
    if setup.gpu_bytes is None:
        return []
    found = [
        f"{phase.name} needs {phase.total / GIB:.1f} GiB of {setup.gpu_bytes / GIB:.0f}"
        for phase in phases(setup)
        if phase.total > setup.gpu_bytes
    ]
    held = cache_tokens(setup)
    if held < setup.longest:
        found.append(
            f"the KV cache of a replica holds {max(0, held):,} tokens, one prompt and response are {setup.longest:,}"
        )
    return found
