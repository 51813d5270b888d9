"""A reward function of one's own, tried on the first rows of the prompt files."""

import asyncio
import contextlib
import inspect
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from omegaconf import DictConfig

from dgpo.config.checks.finding import Finding
from dgpo.config.checks.loading import MOST_SAMPLES, paths
from dgpo.data.schema import prompt_rows

COLUMNS = ("data_source", "reward_model", "extra_info")
ROWS = 2
"""Of each file."""
RESPONSES = ("", "I do not know.", "<think>\nIt is 7.\n</think>\n\nThe answer is \\boxed{7}.")
"""Beside the ground truth in a box: a model writes all of these."""


def own_reward(config: DictConfig) -> Iterator[Finding]:
    """It takes what verl hands over, and returns a finite score for each, and the same keys.

    One that asks a reward model cannot be tried before a cluster is there.
    """
    from verl.utils.import_utils import load_extern_object

    from dgpo.rewards.own import normalize_result
    from dgpo.rewards.verl import RESPONSE_FACTS

    function = config.reward.custom_reward_function
    if not function.path or function.path == "pkg://dgpo.rewards.verl" or config.reward.reward_model.enable:
        return
    try:
        score, options = load_extern_object(function.path, function.name), dict(function.get("reward_kwargs") or {})
        inspect.signature(score).bind_partial(**options)  # pyright: ignore[reportArgumentType]
    except Exception:  # `registries.reward` says what
        return
    longest, workers = config.actor_rollout_ref.rollout.response_length, config.reward.num_workers
    facts = {"tokens": 8, "longest": longest, "truncated": False, "step": 1, "workers": workers}
    key, kinds = "reward.custom_reward_function.name", dict[str, str]()
    for place, row in _first_rows(config):
        truth = row["reward_model"]["ground_truth"]
        for response in (f"\\boxed{{{truth}}}", *RESPONSES):
            extra_info = {**(row.get("extra_info") or {}), RESPONSE_FACTS: facts}
            sample = {"data_source": row["data_source"], "ground_truth": truth, "extra_info": extra_info}
            where = f"for the response {response!r} to {place}"
            try:
                result = normalize_result(_call(score, **{"solution_str": response, **sample, **options}))
            except Exception as error:  # whatever a function of anyone's raises
                message = f"{where} it failed: {type(error).__name__}: {error}; in training such an answer would earn 0"
                yield Finding(key, function.name, message, "mend it, so that it returns a number for every text")
                return
            kinds.setdefault(", ".join(sorted(result)), where)
    if len(kinds) > 1:
        (one, first), (other, second), *_ = kinds.items()
        message = f"it returns {one} {first}, and {other} {second}"
        remedy = "return the same keys each time, best {'score': ..., 'acc': 1 or 0}: without, validation goes by score"
        yield Finding(key, function.name, message, remedy, fatal=False)


def _call(score: Any, **sample: Any) -> Any:
    returned = score(**sample)
    if not inspect.isawaitable(returned):
        return returned

    async def awaited() -> Any:
        return await returned

    return asyncio.run(awaited())


def _first_rows(config: DictConfig) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows with the columns that a reward function gets, of each file that has them."""
    for file in (path for key in MOST_SAMPLES for path in paths(config.data[key])):
        with contextlib.suppress(OSError, pa.ArrowException):  # `files.datasets` says what
            for index, row in enumerate(prompt_rows(file, COLUMNS, ROWS)):
                if "data_source" in row and "ground_truth" in (row.get("reward_model") or {}):
                    yield f"row {index} of {file}", row
