"""``dgpo check`` and ``dgpo plan``: show a config's problems, and its GPU memory by phase. They start nothing."""

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from dgpo.cluster import use_token
from dgpo.config.checks import check, report
from dgpo.config.checks.values import malformed
from dgpo.config.compose import compose_config, of_training, select_platform
from dgpo.config.memory.duration import cost, step_seconds, whole_step
from dgpo.config.memory.host import host_bytes
from dgpo.config.memory.phases import cache_tokens, overflows, phases, totals
from dgpo.config.memory.remedies import remedy
from dgpo.config.memory.setup import GIB, Gpu, Setup, setup_from
from dgpo.tables import Table

# Above this share of the GPU, fragmentation and what the formulas leave out may exceed it.
TIGHT = 0.9


def check_config(
    name: str, overrides: Sequence[str], directory: Path | None, *, declared: bool = False, plan: bool = False
) -> int:
    """Compose and check; returns 0 if a run may start, 2 if it would be refused.

    Args:
        declared: trust the config about hardware and files.
        plan: also print the memory that it needs.
    """
    use_token()
    composed = compose_config(name, overrides, directory)
    config = of_training(name, composed)
    select_platform(config)
    problems = check(composed, declared=declared)
    if problems:
        print(report(problems), file=sys.stderr)
    fatal = sum(problem.fatal for problem in problems)
    print(f"{name}: {'refused' if fatal else 'ready'}, {fatal} errors, {len(problems) - fatal} warnings")
    if plan and not any(problem.fatal for problem in malformed(composed)):
        show(config, setup_from(config))
    return 2 if fatal else 0


def plan_config(name: str, composed: DictConfig, *, as_json: bool = False, time: bool = False) -> int:
    """Print the plan of a config; 0 if it fits or no memory is stated, 1 if it does not fit, 2 if it is refused.

    Args:
        as_json: print the figures in bytes, for programs.
        time: also print the seconds of a step by phase.
    """
    config = of_training(name, composed)
    if problems := malformed(composed):
        print(report(problems), file=sys.stderr)
    if any(problem.fatal for problem in problems):
        return 2
    setup = setup_from(config)
    if as_json:
        print(figures(setup))
    else:
        show(config, setup)
        if time and setup.gpu:
            times(setup, setup.gpu).show()
    return 1 if overflows(setup) else 0


def show(config: DictConfig, setup: Setup) -> None:
    """Print the setup, its memory by phase and part, and the conclusions."""
    trained = f", LoRA of rank {setup.lora.rank} trains {setup.adapter / 1e6:.1f} M," if setup.lora else ""
    print(
        f"{config.actor_rollout_ref.model.path}: {setup.shape.parameters / 1e9:.2f} B parameters{trained} on "
        f"{setup.nodes} x {setup.gpus_per_node} GPUs, {setup.tokens:,} tokens a micro-batch and GPU, ulysses "
        f"{setup.ulysses}, vLLM on {setup.tensor_parallel} GPUs a replica with {setup.utilisation:.0%} of each"
    )
    by_phase = phases(setup)
    rows = [
        [part, *(f"{held[part] / GIB:.1f}" if part in held else "" for held in by_phase.values())]
        for part in dict.fromkeys(part for held in by_phase.values() for part in held)
    ]
    rows.append(["all", *(f"{size / GIB:.1f}" for size in totals(setup).values())])
    Table(["", *by_phase], rows, "GiB on one GPU").show()
    print("\n".join([*verdict(setup), cost(setup)]))


def verdict(setup: Setup) -> list[str]:
    """The conclusions from the figures, a sentence on each line."""
    cached = max(0, cache_tokens(setup))
    lines = [
        f"A replica's KV cache holds {cached:,} tokens: {cached / setup.longest:.0f} answers of full length "
        f"({setup.longest:,} tokens with the prompt) at once."
    ]
    if host_bytes(setup):
        lines.append(f"Offloading takes {host_bytes(setup) / GIB:.0f} GiB of CPU memory on each node, page-locked.")
    if setup.gpu_bytes is None:
        lines.append("The memory of a GPU is not stated: choose gpu=80gb or gpu=141gb, or set run.gpu_memory_gib.")
    elif found := overflows(setup):
        lines += [f"It does not fit: {sentence}." for sentence in found]
        if (changes := remedy(setup)) is None:
            lines.append("No change known to the planner makes it fit: use larger GPUs, or a smaller model.")
        else:
            lines.append("It fits with:\n  " + "\n  ".join(changes))
    else:
        peak, size = max(totals(setup).items(), key=lambda phase: phase[1])
        share = size / setup.gpu_bytes
        word = "It fits" if share <= TIGHT else "It fits barely"
        lines.append(f"{word}: {peak} takes {share:.0%} of {setup.gpu_bytes / GIB:.0f} GiB.")
    return lines


def times(setup: Setup, gpu: Gpu) -> Table:
    """Seconds of a step by phase."""
    seconds = step_seconds(setup, gpu)
    rows = [[name, f"{value:.0f}"] for name, value in {**seconds, "step": whole_step(setup, seconds)}.items()]
    return Table(["", "seconds"], rows, f"A step on {gpu.name}")


def figures(setup: Setup) -> str:
    """The plan as JSON: bytes by phase and part, the setup, and overrides that would make it fit."""
    content = {
        "bytes": {name: {**parts, "all": sum(parts.values())} for name, parts in phases(setup).items()},
        "cache_tokens": cache_tokens(setup),
        "host_bytes": host_bytes(setup),
        "seconds": step_seconds(setup, setup.gpu) if setup.gpu else None,
        "overflows": overflows(setup),
        "remedy": remedy(setup),
        "setup": dataclasses.asdict(setup),
    }
    return json.dumps(content, indent=1)
