"""Turns the result of a person's own reward function into what verl can train on and average. Pure functions."""

import inspect
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

MAX_TEXT = 2_000
"""Characters kept of a value that is not a number."""


def normalize_result(returned: Any) -> dict[str, float | str]:
    """A reward function's result as verl takes it: a dict with a finite ``score``. A bare number is ``acc`` as well.

    Numbers of any library become floats, and truth values 0 or 1. Keys whose value is None are dropped. Everything
    else, lists of numbers included, becomes text, which verl writes to its dumps and does not average.

    Raises:
        ValueError: there is no score, or it is no finite number.
    """
    if not isinstance(returned, Mapping):
        return dict.fromkeys(("score", "acc"), _score(returned))
    if "score" not in returned:
        raise ValueError(f"it returned no 'score' but {', '.join(map(repr, returned)) or 'an empty dict'}")
    more = {str(key): _plain(value) for key, value in returned.items() if key != "score" and value is not None}
    return {"score": _score(returned["score"]), **more}


def catching_errors(score: Callable[..., Any]) -> Callable[..., Any]:
    """``score``, a function or coroutine function, with its result normalized, and 0 for an answer on which it fails.

    verl's agent loop would swallow the exception and train on the rest of the group. The reason is kept under
    ``error``, which `metrics.reward_metrics` counts.
    """

    def failure(error: Exception) -> dict[str, float | str]:
        return {"score": 0.0, "error": f"{type(error).__name__}: {error}"[:MAX_TEXT]}

    async def score_async(**sample: Any) -> dict[str, float | str]:
        try:
            return normalize_result(await score(**sample))
        except Exception as error:
            return failure(error)

    def score_now(**sample: Any) -> dict[str, float | str]:
        try:
            return normalize_result(score(**sample))
        except Exception as error:
            return failure(error)

    return score_async if inspect.iscoroutinefunction(score) else score_now


def averageable_columns(columns: Mapping[str, list[Any]]) -> tuple[dict[str, list[Any]], list[str]]:
    """The columns of a validation that verl can average, and a sentence for each that it cannot.

    verl takes the first value for the type of all, and an answer without ``acc`` for a wrong one. So a column of
    numbers and text is left out, and ``acc`` if only some answers have it.

    Args:
        columns: the values of all samples, by name; None for a sample that has none.
    """
    failed = [value is not None for value in columns.get("error", ())]
    kept, left_out = {}, []
    for key, values in columns.items():
        texts = sum(isinstance(value, str) for value in values)
        missing = [i for i, value in enumerate(values) if value is None and not (failed and failed[i])]
        if 0 < texts < sum(value is not None for value in values):
            left_out.append(f"{key} is text on {texts} of {len(values)} samples and a number on others")
        elif key == "acc" and missing:
            left_out.append(f"acc is missing on {len(missing)} of {len(values)} samples, so the score stands for it")
        else:
            kept[key] = values
    return kept, left_out


def _score(value: Any) -> float:
    plain = _plain(value)
    if not isinstance(plain, float) or not math.isfinite(plain):
        raise ValueError(f"its score is {value!r:.100}, not a finite number")
    return plain


def _plain(value: Any) -> float | str:
    if callable(getattr(value, "tolist", None)):  # numpy's scalars and arrays, and tensors
        value = value.tolist()
        while isinstance(value, list) and len(value) == 1:
            value = value[0]
    if isinstance(value, bool | int | float):
        return float(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text[:MAX_TEXT]
