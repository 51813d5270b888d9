"""What one GPU holds in each phase of a step, in bytes, by the formulas of docs/launching.md.

Symbols: N parameters, S GPUs that share one copy of the training state, h hidden size, i intermediate size, q and k
widths of queries and of keys, V vocabulary, L layers, T tokens of a micro-batch on one GPU, P parameters of a layer,
c bytes a parameter in computation (2 for bfloat16), m bytes of its master copy (4 for fp32).
"""

from dgpo.config.memory.setup import GIB, MicroBatch, Setup
from dgpo.config.memory.shape import ModelShape

# Not computed but assumed: CUDA contexts, NCCL buffers and workspaces of the trainer, and of vLLM while it sleeps.
TRAINER_CONTEXT = int(1.5 * GIB)
ENGINE_CONTEXT = int(1.5 * GIB)
# CUDA graphs of vLLM, where it captures them.
GRAPHS = 1 * GIB
# verl's fused log-prob works through this many tokens at once (utils/experimental/torch_functional.py).
FUSED_CHUNK = 512


def layer_activations(shape: ModelShape, compute_bytes: int = 2) -> int:
    """Bytes a token that one layer keeps for its backward pass.

    Two norms keep their input in fp32, its normalised value and their output: 2·(4 + 2c)·h. Attention keeps q, k, v
    before and after rotation and its output: c·(3q + 4k); the residual c·h; the MLP gate, its activation, up and
    product: 4c·i.
    """
    c = compute_bytes
    attention = c * (3 * shape.query + 4 * shape.key_value)
    return 2 * (4 + 2 * c) * shape.hidden + attention + c * shape.hidden + 4 * c * shape.intermediate


def stored(setup: Setup) -> int:
    """Bytes of activations kept on the GPU for the backward pass: with checkpointing the input of each layer, c·h a
    token, unless offloaded to the CPU; without it everything that the layers keep."""
    if not setup.checkpointing:
        return setup.tokens * setup.shape.layers * layer_activations(setup.shape, setup.compute_bytes)
    inputs = setup.shape.layers * setup.compute_bytes * setup.shape.hidden
    return 0 if setup.activation_offload else setup.tokens * inputs


def working(setup: Setup) -> int:
    """Bytes of the layer whose backward pass runs, at its peak in the MLP: with checkpointing all that it keeps, which
    has been recomputed; and 2c·i a token for the gradients of gate, up and product, one of which reuses memory. With
    LoRA it is the same: A needs the inputs for its gradient that a trained layer needs."""
    again = layer_activations(setup.shape, setup.compute_bytes) if setup.checkpointing else 0
    return setup.tokens * (again + 2 * setup.compute_bytes * setup.shape.intermediate)


def fused_logits(setup: Setup) -> int:
    """Bytes of a chunk of 512 tokens in verl's fused log-prob: five fp32 tensors (logits, probabilities, one-hot,
    gradient, their product) and the logits in c bytes."""
    return FUSED_CHUNK * setup.shape.vocabulary * (5 * 4 + setup.compute_bytes)


def update_logits(setup: Setup) -> int:
    """Bytes of logits and their gradient in the update: c·T·V, because flash-attn's cross-entropy writes the gradient
    over the logits. Differentiating the entropy forbids that, and adds fp32 tensors of softmax, logsumexp and their
    gradients, unless torch.compile fuses them: 12·T·V in chunks, 28·T·V without."""
    if setup.fused:
        return fused_logits(setup)
    entropy = (12 if setup.chunked_entropy else 28) if setup.update_entropy else 0
    return setup.tokens * setup.shape.vocabulary * (setup.compute_bytes + entropy)


def log_prob_logits(setup: Setup) -> int:
    """Bytes of logits in the pass for old log-probs, which always computes the entropy: c·T·V, and three fp32 tensors
    (logits, probabilities, their product) of all tokens, or of one chunk of them."""
    if setup.fused:
        return fused_logits(setup)
    tokens = setup.log_prob_tokens
    rows = min(tokens, setup.entropy_rows) if setup.chunked_entropy else tokens
    return (tokens * setup.compute_bytes + 12 * rows) * setup.shape.vocabulary


def root_parameters(setup: Setup) -> int:
    """Parameters that FSDP keeps gathered for a whole pass, because they are in no unit of their own: embedding and
    output layer, except under FSDP2 where they are not tied."""
    shape = setup.shape
    if setup.strategy == "fsdp2" and not shape.tied:
        return 0
    return shape.embedding_parameters * (1 if shape.tied else 2)


def output_buffers(setup: Setup) -> int:
    """Bytes of gathered weights and gradients in the output layer's backward pass: its weights and gradient (twice in
    fused kernels, which accumulate it in chunks; none with LoRA), and the weights of the next layer."""
    shape, c = setup.shape, setup.compute_bytes
    gathered = max(root_parameters(setup), shape.embedding_parameters)
    if setup.lora:
        return c * (gathered + layer_parameters(setup))
    return c * (2 * gathered + shape.layer_parameters + (shape.embedding_parameters if setup.fused else 0))


def layer_parameters(setup: Setup) -> int:
    """Parameters of one layer, with its adapter."""
    return setup.shape.layer_parameters + setup.adapter // setup.shape.layers


def layer_buffers(setup: Setup) -> int:
    """Bytes of gathered weights and gradients in a layer's backward pass.

    Two layers are gathered, and what stays gathered for the whole pass, with its gradients. In addition a layer's
    gradient is held in c bytes and in fp32 for its reduction, or the output layer's, which is reduced while the last
    layer runs. With LoRA only the layer's adapter has gradients.
    """
    shape, c = setup.shape, setup.compute_bytes
    root = root_parameters(setup)
    if setup.lora:
        return c * (2 * layer_parameters(setup) + root) + (c + 4) * setup.adapter // shape.layers
    reduced = max((c + 4) * shape.layer_parameters, 0 if root else 4 * shape.embedding_parameters)
    return 2 * c * (shape.layer_parameters + root) + reduced


def state(setup: Setup) -> dict[str, int]:
    """Bytes of one GPU's share of weights, gradients and Adam's two fp32 moments: (m + m + 8) / S a parameter. With
    LoRA the model itself has weights only."""
    share = 0.0 if setup.offload_policy else 1 / setup.shard
    trained = share * setup.trained
    weights = share * (setup.shape.parameters + setup.adapter)
    m = setup.master_bytes
    return {"weights": int(m * weights), "gradients": int(m * trained), "optimiser": int(8 * trained)}


def resident(setup: Setup) -> int:
    """Bytes of the training state that stay on the GPU while vLLM answers. Gradients are freed after each update."""
    parts = state(setup)
    kept = (0 if setup.param_offload else parts["weights"]) + (0 if setup.optimizer_offload else parts["optimiser"])
    return kept if setup.colocated else 0


def contexts(setup: Setup) -> int:
    """Bytes of the trainer's CUDA context, and of vLLM beside it: asleep its context, awake its whole share."""
    engine = (ENGINE_CONTEXT if setup.sleeps else engine_bytes(setup)) if setup.colocated else 0
    return TRAINER_CONTEXT + engine


def engine_bytes(setup: Setup) -> int:
    """Bytes of the share of the GPU that vLLM takes in all."""
    return int(setup.utilisation * (setup.gpu_bytes or 0))


def engine_weights(setup: Setup) -> int:
    """Bytes of vLLM's weights in bfloat16, and of one adapter where LoRA is not merged into them."""
    adapter = setup.adapter if setup.lora and not setup.lora.merged else 0
    return 2 * (setup.shape.parameters + adapter) // setup.tensor_parallel


def engine_working(setup: Setup) -> int:
    """Bytes that vLLM needs beside weights and cache: activations of one step, logits to sample from, CUDA graphs.

    2·(2i/TP + 6h) a batched token, three fp32 tensors of V a sequence.
    """
    shape = setup.shape
    per_token = 2 * (2 * shape.intermediate // setup.tensor_parallel + 6 * shape.hidden)
    return setup.batched_tokens * per_token + 12 * setup.sequences * shape.vocabulary + (GRAPHS if setup.graphs else 0)


def kv_bytes_per_token(shape: ModelShape, tensor_parallel: int = 1) -> int:
    """Bytes of keys and values of one token on one GPU of a replica, in bfloat16. With more GPUs than key-value heads,
    heads are repeated instead of split."""
    return 2 * 2 * shape.layers * shape.head_dim * max(1, shape.kv_heads // tensor_parallel)


def cache_bytes(setup: Setup) -> int:
    """Bytes that weights and working space leave of vLLM's share for its cache; below zero where it would not start."""
    return engine_bytes(setup) - engine_weights(setup) - engine_working(setup)


def cache_tokens(setup: Setup) -> int:
    """Tokens that the key-value cache of one replica holds; below zero where there is no room for a cache."""
    return cache_bytes(setup) // kv_bytes_per_token(setup.shape, setup.tensor_parallel)


def phases(setup: Setup) -> dict[str, dict[str, int]]:
    """Bytes that one GPU holds in each phase of a step that can be its peak, by phase and part."""
    by_phase = {
        "log-probs": log_probs(setup),
        "update, head": update_head(setup),
        "update, layers": update_layers(setup),
        "weight sync": weight_sync(setup),
        "rollout": rollout(setup),
    }
    if setup.reference_batch:
        by_phase["reference log-probs"] = reference_log_probs(setup, setup.reference_batch)
    return by_phase


def forward_state(setup: Setup) -> dict[str, int]:
    """Bytes of `state` outside of the update, for which all of it is there unless ``offload_policy`` keeps it away."""
    held = state(setup)
    return {"weights": held["weights"], "optimiser": 0 if setup.optimizer_offload else held["optimiser"]}


def log_probs(setup: Setup) -> dict[str, int]:
    """Old log-probs and entropies, without gradients: the last hidden states and the logits. The output layer is whole
    on each GPU before the entropy is computed, and takes less."""
    return {
        **forward_state(setup),
        "activations": setup.log_prob_tokens * setup.compute_bytes * setup.shape.hidden,
        "logits": log_prob_logits(setup),
        "gathered": setup.compute_bytes * root_parameters(setup),
        "contexts": contexts(setup),
    }


def update_head(setup: Setup) -> dict[str, int]:
    """The output layer's backward pass: logits, the last norm and its gradient, T·(4 + 3c)·h."""
    norm = setup.tokens * (4 + 3 * setup.compute_bytes) * setup.shape.hidden
    return {
        **state(setup),
        "activations": stored(setup) + norm,
        "logits": update_logits(setup),
        "gathered": output_buffers(setup),
        "contexts": contexts(setup),
    }


def update_layers(setup: Setup) -> dict[str, int]:
    """The backward pass of the last layer: the logits are gone, the layer is there in full."""
    return {
        **state(setup),
        "activations": stored(setup) + working(setup),
        "gathered": layer_buffers(setup),
        "contexts": contexts(setup),
    }


def weight_sync(setup: Setup) -> dict[str, int]:
    """Weights go to vLLM: both hold theirs, the key-value cache does not exist yet. The largest parameter is gathered
    in fp32 and in c bytes."""
    return {
        **forward_state(setup),
        "vLLM weights": engine_weights(setup) if setup.colocated else 0,
        "gathered": setup.bucket_bytes + (4 + setup.compute_bytes) * setup.shape.embedding_parameters,
        "contexts": TRAINER_CONTEXT + (ENGINE_CONTEXT if setup.colocated else 0),
    }


def rollout(setup: Setup) -> dict[str, int]:
    """vLLM answers, beside the state that was not offloaded."""
    return {
        "training state": resident(setup),
        "vLLM weights": engine_weights(setup),
        "vLLM working": engine_working(setup),
        "KV cache": cache_bytes(setup),
        "contexts": TRAINER_CONTEXT if setup.colocated else 0,
    }


def reference_log_probs(setup: Setup, batch: MicroBatch) -> dict[str, int]:
    """Of the KL term's second model: as old log-probs, without entropies. It comes from the CPU a layer at a time."""
    shape, c = setup.shape, setup.compute_bytes
    tokens, kept = batch.tokens(setup.longest, setup.ulysses), forward_state(setup)
    return {
        **kept,
        "weights": 0 if setup.param_offload else kept["weights"],
        "activations": tokens * c * shape.hidden,
        "logits": fused_logits(setup) if setup.fused else tokens * c * shape.vocabulary,
        "gathered": c * root_parameters(setup),
        "contexts": contexts(setup),
    }


def totals(setup: Setup) -> dict[str, int]:
    """Bytes of each phase."""
    return {name: sum(parts.values()) for name, parts in phases(setup).items()}


def overflows(setup: Setup) -> list[str]:
    """What does not fit into the stated memory, a sentence each; nothing where none is stated."""
    if setup.gpu_bytes is None:
        return []
    excesses = [
        f"{name} needs {size / GIB:.1f} GiB of {setup.gpu_bytes / GIB:.0f}"
        for name, size in totals(setup).items()
        if size > setup.gpu_bytes
    ]
    cached = cache_tokens(setup)
    if cached < setup.longest:
        excesses.append(
            f"the KV cache of a replica holds {max(0, cached):,} tokens, one prompt and response are {setup.longest:,}"
        )
    return excesses
