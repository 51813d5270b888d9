"""The reward function that verl calls in its reward workers, and a manager that tells it the response's length.

    reward.custom_reward_function.path=pkg://dgpo.rewards.verl
    reward.custom_reward_function.name=compute_score
    reward.custom_reward_function.reward_kwargs.timeout=5.0        # any option below
    reward.reward_manager.source=importlib
    reward.reward_manager.module.path=pkg://dgpo.rewards.verl
    reward.reward_manager.name=MathRewardManager

The function is a coroutine, so verl awaits it on the event loop of the reward worker: the rules take a millisecond
there, and a judge is waited for.
"""

import functools
import inspect
import logging
import time
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
from transformers import GenerationConfig
from verl import DataProto
from verl.experimental.reward_loop.reward_manager.naive import NaiveRewardManager
from verl.protocol import DataProtoItem

from dgpo.errors import check_number
from dgpo.rewards.judge import JudgeOptions, Opinion, ask_judge
from dgpo.rewards.own import catching_errors
from dgpo.rewards.shaping import Scoring, Shaping, has_format, overlong_penalty
from dgpo.verifier.stages import Mode, decide, find
from dgpo.verifier.verdict import Verdict

logger = logging.getLogger(__name__)

RESPONSE_FACTS = "dgpo_response"
"""Key in ``extra_info`` for what the reward manager says of a response: ``tokens``, ``longest``, ``truncated``, and for
a judge the ``step`` and the number of reward ``workers``."""
MAX_PRED_CHARS = 200


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: Mapping[str, Any] | None = None,
    *,
    mode: Mode = "boxed",
    timeout: float = 2.0,
    scoring: Scoring = "binary",
    overlong_buffer: int = 0,
    overlong_weight: float = 1.0,
    format_weight: float = 0.0,
    judge: Mapping[str, Any] | None = None,
    reward_router_address: str | None = None,
    reward_model_tokenizer: Any = None,
) -> dict[str, float | str]:
    """1.0 for a right final answer and 0.0 for any other, changed by `Shaping` if its options are set.

    Args:
        data_source: Named in the log if a ground truth cannot be read.
        extra_info: Has `RESPONSE_FACTS`, from `MathRewardManager`, and ``problem``, whose expressions are no
            answers; the rest has no effect.
        mode, timeout: `verify`'s; seconds of processor time.
        scoring, overlong_buffer, overlong_weight, format_weight: `Shaping`'s.
        judge: `JudgeOptions` of a model that judges what the rules cannot compare.
        reward_router_address, reward_model_tokenizer: Part of verl's calling convention, without effect.

    Returns:
        The same keys with the same types for every sample of a run. ``score`` is the reward; ``acc`` (1 or 0)
        says whether the answer is right, without the shaping. verl makes validation metrics of both.
        ``pred`` (the answer, cut to 200 characters) is what verl takes the majority over. The rest is kept
        with the dumped validation answers, and `metrics.reward_metrics` summarises it: ``reason`` and ``stage``
        of the `Verdict`, its ``seconds``, ``tokens`` and ``truncated`` (0 or 1) if the manager tells them,
        ``overlong`` (R_length) and ``format`` (0 or 1) if the term is on, and with a judge ``judge`` (the
        outcome) and ``judge_reply``. All of that is text, numbers too, because verl
        bootstraps every number of a validation, at about 1 s for 400 samples.

    Raises:
        TypeError: an unknown option. ValueError: an option out of its range, or a penalty on the length
            without a manager that tells it. verl hides both; `check_options` finds them before a run.
    """
    started = time.monotonic()
    weights = {"overlong_weight": overlong_weight, "format_weight": format_weight}
    shaping = Shaping(scoring=scoring, overlong_buffer=overlong_buffer, **weights)
    facts, problem = ((extra_info or {}).get(key) for key in (RESPONSE_FACTS, "problem"))
    problem = problem if isinstance(problem, str) else None
    found = find(solution_str, ground_truth, mode) if isinstance(ground_truth, str) else Verdict("bad_gold", "extract")
    verdict = found if isinstance(found, Verdict) else decide(found, timeout, problem)
    opinion = Opinion("not_asked") if judge and judge.get("url") else None
    if opinion is not None and not isinstance(found, Verdict):
        verdict, opinion = await ask_judge(verdict, found, problem, JudgeOptions.of(judge), facts or {})
    if verdict.reason == "bad_gold":
        # verl's agent loop would hide an exception, and silently lose the group.
        message = "%s: ground truth %s cannot be read and earns no reward; correct the data"
        _log_once(message, data_source, repr(ground_truth)[:200])
    acc = float(bool(verdict))
    score = acc if shaping.scoring == "binary" else 2 * acc - 1
    details: dict[str, float | str] = {
        "pred": (verdict.answer or "")[:MAX_PRED_CHARS],
        "reason": verdict.reason,
        "stage": verdict.stage,
        "seconds": f"{time.monotonic() - started:.6f}",
    }
    if opinion is not None:
        details |= {"judge": opinion.outcome, "judge_reply": opinion.reply[-MAX_PRED_CHARS:]}
    if facts is not None:
        details |= {"tokens": str(facts["tokens"]), "truncated": str(int(facts["truncated"]))}
    if shaping.overlong_buffer:
        if facts is None:
            raise ValueError(
                f"overlong_buffer={shaping.overlong_buffer} needs the length of a response, and this reward manager "
                "does not tell it: leave reward.reward_manager as configs/rlvr.yaml has it"
            )
        penalty = overlong_penalty(facts["tokens"], facts["longest"], shaping.overlong_buffer)
        score += shaping.overlong_weight * penalty
        details["overlong"] = f"{penalty:.6f}"
    if shaping.format_weight:
        is_formatted = has_format(solution_str, answered=verdict.reason != "no_answer")
        score += shaping.format_weight * is_formatted
        details["format"] = str(int(is_formatted))
    return {"score": score, "acc": acc, **details}


def check_options(options: Mapping[str, Any], longest: int, *, tells_length: bool) -> None:
    """Refuse options that `compute_score` would refuse on every sample of a run.

    Args:
        options: From ``reward.custom_reward_function.reward_kwargs``; a missing one has its default.
        longest: ``data.max_response_length``, in tokens.
        tells_length: Whether the reward manager puts `RESPONSE_FACTS` into ``extra_info``.

    Raises:
        ValueError: beginning with the option and its value, as in ``timeout=0 must be ...``.
        TypeError: an unknown option.
    """
    bound = inspect.signature(compute_score).bind_partial(**options)
    bound.apply_defaults()
    values = bound.arguments
    shaping = Shaping(**{field.name: values[field.name] for field in fields(Shaping)})
    if values["mode"] not in get_args(Mode):
        raise ValueError(f"mode={values['mode']!r} is unknown: use one of {', '.join(get_args(Mode))}")
    check_number("timeout", values["timeout"], above=0, unit="seconds")
    judge = JudgeOptions.of(values["judge"])
    for name, value in (("judge.url", judge.url), ("overlong_buffer", shaping.overlong_buffer)):
        if value and not tells_length:
            raise ValueError(
                f"{name}={value!r} needs a reward manager that tells the length of a response, and the step: "
                "leave reward.reward_manager as configs/rlvr.yaml has it"
            )
    if shaping.overlong_buffer >= longest:
        raise ValueError(
            f"overlong_buffer={shaping.overlong_buffer} is not less than data.max_response_length={longest}: "
            "every response would be punished; DAPO takes a fifth of it"
        )


class MathRewardManager(NaiveRewardManager):
    """verl's naive manager. It catches errors of the reward function, and gives it ``extra_info[RESPONSE_FACTS]``:

    ``tokens``: length of the response, with the end-of-sequence token. ``longest``: the length at which generation is
    cut off. ``truncated``: whether it was cut off: the response is that long and does not end the sequence.
    """

    def __init__(self, config: Any, tokenizer: Any, compute_score: Any, **kwargs: Any):
        super().__init__(config, tokenizer, catching_errors(compute_score), **kwargs)
        self._workers: int = config.reward.num_workers
        self._longest: int = config.actor_rollout_ref.rollout.response_length
        self._ends = end_tokens(config.actor_rollout_ref.model.path, tokenizer.eos_token_id)

    async def run_single(self, data: DataProto) -> dict[str, Any]:
        # The last output of the session, as verl's manager takes it.
        item = cast(DataProtoItem, data[-1])
        responses = item.batch["responses"]
        tokens = int(np.count_nonzero(item.batch["attention_mask"][-len(responses) :].numpy()))
        ended = tokens > 0 and int(responses[tokens - 1]) in self._ends
        facts = {
            "tokens": tokens,
            "longest": self._longest,
            "truncated": tokens >= self._longest and not ended,
            "step": int(steps[-1]) if (steps := data.non_tensor_batch.get("global_steps")) is not None else None,
            "workers": self._workers,
        }
        # In a copy of the dictionary, which the responses to a prompt may share.
        infos = data.non_tensor_batch.get("extra_info", np.array([{}] * len(data), dtype=object)).copy()
        infos[-1] = {**infos[-1], RESPONSE_FACTS: facts}
        data.non_tensor_batch["extra_info"] = infos
        return await super().run_single(data)  # pyright: ignore[reportAbstractUsage]


def end_tokens(model: str, eos_token_id: int | None) -> set[int]:
    """Ids that end a sequence in vLLM: the tokenizer's, and those of the model's generation config."""
    ends = {eos_token_id} if eos_token_id is not None else set()
    if (Path(model).expanduser() / "generation_config.json").is_file():
        more = GenerationConfig.from_pretrained(str(Path(model).expanduser())).eos_token_id
        ends |= {more} if isinstance(more, int) else set(more or ())
    return ends


@functools.lru_cache(maxsize=4096)
def _log_once(message: str, *arguments: str) -> None:
    logger.error(message, *arguments)
