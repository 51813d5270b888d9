"""``dgpo plan``: GPU memory of a config by phase, whether it fits, what to change if not, and hours. Starts nothing."""

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from dgpo.config.compose import training_config
from dgpo.config.memory.duration import cost, step_seconds, utilisation, whole_step
from dgpo.config.memory.gpus import Gpu
from dgpo.config.memory.host import host_bytes
from dgpo.config.memory.phases import cache_tokens, overflows, phases
from dgpo.config.memory.remedies import remedy
from dgpo.config.memory.setup import GIB, Setup, setup_from
from dgpo.tables import Table

# Above this share of the GPU, fragmentation and what the formulas leave out may decide.
TIGHT = 0.9


def parts(setup: Setup) -> Table:
    """Parts by phase, in GiB on one GPU."""
    found = phases(setup)
    names = list(dict.fromkeys(name for phase in found for name in phase.parts))
    rows = [[name, *(_gib(phase.parts.get(name)) for phase in found)] for name in names]
    rows.append(["all", *(_gib(phase.total) for phase in found)])
    return Table(["", *(phase.name for phase in found)], rows, "GiB on one GPU", words=[""])


def _gib(size: int | None) -> str:
    return "" if size is None else f"{size / GIB:.1f}"


def verdict(setup: Setup) -> list[str]:
    """What the figures mean, a sentence a line."""
    held = cache_tokens(setup)
    lines = [
        f"A replica's KV cache holds {max(0, held):,} tokens: {max(0, held) / setup.longest:.0f} answers of full "
        f"length ({setup.longest:,} tokens with the prompt) at once."
    ]
    if host_bytes(setup):
        lines.append(f"Offloading takes {host_bytes(setup) / GIB:.0f} GiB of CPU memory on each node, page-locked.")
    if setup.gpu_bytes is None:
        lines.append("The memory of a GPU is not stated: choose gpu=80gb or gpu=141gb, or set run.gpu_memory_gib.")
        return lines
    size = f"{setup.gpu_bytes / GIB:.0f} GiB"
    found = overflows(setup)
    if not found:
        peak = max(phases(setup), key=lambda phase: phase.total)
        share = peak.total / setup.gpu_bytes
        word = "It fits" if share <= TIGHT else "It fits barely"
        lines.append(f"{word}: {peak.name} takes {share:.0%} of {size}.")
        return lines
    lines += [f"It does not fit: {sentence}." for sentence in found]
    changes = remedy(setup)
    if changes is None:
        lines.append("No change known to the planner makes it fit: use larger GPUs, or a smaller model.")
    else:
        lines.append("It fits with:\n  " + "\n  ".join(changes))
    return lines


def heading(config: DictConfig, setup: Setup) -> str:
    """What is planned, in a line."""
    trained = f", LoRA of rank {setup.lora.rank} trains {setup.adapter / 1e6:.1f} M," if setup.lora else ""
    return (
        f"{config.actor_rollout_ref.model.path}: {setup.shape.parameters / 1e9:.2f} B parameters{trained} on "
        f"{setup.nodes} x {setup.gpus_per_node} GPUs, {setup.tokens:,} tokens a micro-batch and GPU, ulysses "
        f"{setup.ulysses}, vLLM on {setup.tensor_parallel} GPUs a replica with {setup.utilisation:.0%} of each"
    )


def show(config: DictConfig, setup: Setup) -> None:
    """Print the plan."""
    print(heading(config, setup))
    parts(setup).show()
    print("\n".join([*verdict(setup), cost(setup)]))


def times(setup: Setup, gpu: Gpu) -> Table:
    """Seconds of a step by phase, and MFU."""
    seconds = step_seconds(setup, gpu)
    found = {name: (value, setup.update_passes if name == "update" else 1) for name, value in seconds.items()}
    found["step"] = (whole_step(setup, seconds), 2 + setup.update_passes)
    rows = [[name, f"{each:.0f}", f"{utilisation(setup, gpu, each, n):.0%}"] for name, (each, n) in found.items()]
    return Table(["", "seconds", "MFU"], rows, f"A step on {gpu.name}", words=[""])


def figures(setup: Setup) -> str:
    """The same figures for programs: bytes by phase and part, the setup, the overrides that would make it fit."""
    content = {
        "bytes": {phase.name: {**phase.parts, "all": phase.total} for phase in phases(setup)},
        "cache_tokens": cache_tokens(setup),
        "host_bytes": host_bytes(setup),
        "seconds": step_seconds(setup, setup.gpu) if setup.gpu else None,
        "overflows": overflows(setup),
        "remedy": remedy(setup),
        "setup": dataclasses.asdict(setup),
    }
    return json.dumps(content, indent=1)


def plan_config(
    name: str, overrides: Sequence[str], directory: Path | None, *, as_json: bool = False, time: bool = False
) -> int:
    """Print the plan of a config; 0 when it fits or no memory is stated, 1 when it does not fit, 2 when refused.

    Args:
        as_json: its figures in bytes, for programs.
        time: the seconds of a step by phase too.
    """
    # The checks import the plan.
    from dgpo.config.checks import report
    from dgpo.config.checks.values import values

    config = training_config(name, overrides, directory)
    if malformed := list(values(config)):
        print(report(malformed), file=sys.stderr)
        return 2
    setup = setup_from(config)
    if as_json:
        print(figures(setup))
    else:
        show(config, setup)
        if time and setup.gpu:
            times(setup, setup.gpu).show()
    return 1 if overflows(setup) else 0
