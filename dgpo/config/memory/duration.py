"""Estimates how long a step takes, by a roofline for each phase, from data sheets and assumed shares of them.
docs/launching.md compares the estimates with published runs.
"""

from dgpo.config.memory.phases import cache_tokens, kv_bytes_per_token
from dgpo.config.memory.setup import GPUS, Gpu, Setup

# Assumed: share of the FLOP/s that training reaches, with recomputation, and of the bandwidth that decoding reaches.
FLOPS_SHARE, BANDWIDTH_SHARE = 0.4, 0.7
# Seconds of a decoding step outside of the roofline: launches, sampling, scheduling.
DECODE_OVERHEAD = 0.005
# Assumed lengths of responses: the mean as a share of the longest, and E[s^2] / E[s]^2.
MEAN_SHARE, SPREAD = 0.5, 1.3


def forward_flops(setup: Setup, mean: float) -> float:
    """FLOPs for a token in one forward pass: 2 for each parameter outside of the embedding, and 4·q·L for each token
    that attention reads, SPREAD·s/2 on average."""
    shape = setup.shape
    looked_back = SPREAD * mean / 2
    return 2 * (shape.parameters - shape.embedding_parameters) + 4 * shape.layers * shape.query * looked_back


def decode_seconds(setup: Setup, gpu: Gpu, running: float, context: float) -> float:
    """Seconds of one decoding step of a replica with ``running`` answers of ``context`` tokens: the time to read
    weights and caches once, or for 2 FLOPs a parameter and answer if that is longer."""
    shape, parts = setup.shape, setup.tensor_parallel
    read = 2 * shape.parameters / parts + running * context * kv_bytes_per_token(shape, parts)
    computed = 2 * shape.parameters * running / parts
    return DECODE_OVERHEAD + max(read / (gpu.bandwidth * BANDWIDTH_SHARE), computed / (gpu.flops * FLOPS_SHARE))


def step_seconds(setup: Setup, gpu: Gpu, mean: float | None = None) -> dict[str, float]:
    """Seconds of the phases of a step, with responses of ``mean`` tokens.

    A replica generates as many answers at a time as its cache, vLLM's limit and its share allow; at the end only the
    longest answer is left. Log-probs are one forward pass over all tokens, the update three (two with LoRA), and one
    more if layers are recomputed. Weight sync, reward, validation and checkpoints are left out.
    """
    mean = mean or MEAN_SHARE * setup.response
    context = SPREAD * mean / 2
    share = setup.samples * setup.tensor_parallel / setup.rollout_gpus
    running = max(1.0, min(share, setup.sequences, cache_tokens(setup) / context))
    rollout = mean * share / running * decode_seconds(setup, gpu, running, context)
    rollout += (setup.response - mean) * decode_seconds(setup, gpu, 1, setup.response)
    log_probs = setup.samples * mean * forward_flops(setup, mean) / (setup.gpus * gpu.flops * FLOPS_SHARE)
    passes = (2 if setup.lora else 3) + setup.checkpointing  # frozen weights need no gradient
    reference = {"reference log-probs": log_probs} if setup.reference_batch else {}
    return {"rollout": rollout, "log-probs": log_probs, **reference, "update": passes * log_probs}


def whole_step(setup: Setup, seconds: dict[str, float]) -> float:
    """Seconds of a step: of all phases, or of the longer side if rollouts have separate GPUs."""
    training = sum(seconds.values()) - seconds["rollout"]
    return seconds["rollout"] + training if setup.colocated else max(seconds["rollout"], training)


def hours(setup: Setup, gpu: Gpu) -> float | None:
    """Hours of the run; None if its data decide the number of steps."""
    return None if setup.steps is None else setup.steps * whole_step(setup, step_seconds(setup, gpu)) / 3600


def cost(setup: Setup) -> str:
    """A line with the estimated cost of a run."""
    if setup.gpu is None:
        return f"No hours are estimated: run.gpu names none of {', '.join(GPUS)}."
    seconds, total = step_seconds(setup, setup.gpu), hours(setup, setup.gpu)
    gpus = f"{setup.gpus} {setup.gpu.name}" + ("" if setup.colocated else f" and {setup.rollout_gpus} that answer")
    run = "" if total is None else f"{total:,.0f} hours ({total / 24:.1f} days) for {setup.steps} steps, "
    return (
        f"Estimated on {gpus}: {run}{whole_step(setup, seconds) / 60:.0f} minutes a step, if its {setup.samples:,} "
        f"answers have {MEAN_SHARE * setup.response:,.0f} tokens on average."
    )
