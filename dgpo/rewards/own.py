"""What a reward function of anyone's returns, made into what verl can train on and average. Pure functions."""

import inspect
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

MAX_TEXT = 2_000
"""Characters kept of a value that is no number."""


def settled(returned: Any) -> dict[str, float | str]:
    """``returned`` as verl takes it: a dict with a finite ``score``. A number by itself is verl's ``acc`` too.

    Numbers of any library become floats and truth values 0 or 1. None goes, as verl has it for a key that is missing;
    whatever else is no number, lists of numbers too, becomes text, which verl dumps and does not average.

    Raises:
        ValueError: there is no score, or it is no finite number.
    """
    if not isinstance(returned, Mapping):
        return dict.fromkeys(("score", "acc"), _score(returned))
    if "score" not in returned:
        raise ValueError(f"it returned no 'score' but {', '.join(map(repr, returned)) or 'an empty dict'}")
    more = {str(key): _plain(value) for key, value in returned.items() if key != "score" and value is not None}
    return {"score": _score(returned["score"]), **more}


def guarded(score: Callable[..., Any]) -> Callable[..., Any]:
    """``score``, a coroutine function or not, with what it returns `settled`.

    verl's agent loop would swallow what it raises, and train on the rest of the group. Here that answer earns 0, and
    the reason stands under ``error``: `metrics.reward_metrics` counts it.
    """
    if inspect.iscoroutinefunction(score):

        async def awaited(**sample: Any) -> dict[str, float | str]:
            try:
                return settled(await score(**sample))
            except Exception as error:
                return _failed(error)

        return awaited

    def called(**sample: Any) -> dict[str, float | str]:
        try:
            return settled(score(**sample))
        except Exception as error:
            return _failed(error)

    return called


def averaged(columns: Mapping[str, list[Any]]) -> tuple[dict[str, list[Any]], list[str]]:
    """The columns of a validation that verl can average, and which it could not, and why.

    Args:
        columns: of the values of all samples; None where a sample has none.

    verl takes the first value for the kind of all, and an answer without ``acc`` for a wrong one. So a column of
    numbers and text is left out, and ``acc`` where only some answers have it.
    """
    failed = [value is not None for value in columns.get("error", ())]
    kept, told = {}, []
    for key, values in columns.items():
        texts = sum(isinstance(value, str) for value in values)
        missing = [i for i, value in enumerate(values) if value is None and not (failed and failed[i])]
        if 0 < texts < sum(value is not None for value in values):
            told.append(f"{key} is text on {texts} of {len(values)} samples and a number on others")
        elif key == "acc" and missing:
            told.append(f"acc is missing on {len(missing)} of {len(values)} samples, so the score stands for it")
        else:
            kept[key] = values
    return kept, told


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


def _failed(error: Exception) -> dict[str, float | str]:
    return {"score": 0.0, "error": f"{type(error).__name__}: {error}"[:MAX_TEXT]}
