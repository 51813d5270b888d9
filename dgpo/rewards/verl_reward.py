"""The reward function that verl calls in its reward workers.

    reward.custom_reward_function.path=pkg://dgpo.rewards.verl_reward
    reward.custom_reward_function.name=compute_score
    +reward.custom_reward_function.reward_kwargs.timeout=5.0        # optional

Imports nothing of verl. It is a coroutine, so verl awaits it on the event loop of the reward worker: the
cheap stages run right there, the symbolic one in a thread that waits for a worker process.
"""

import asyncio
import functools
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dgpo.rewards.math_answer import Mode, Undecided, decide_cheaply, decide_symbolically
from dgpo.rewards.pool import shared_pool
from dgpo.rewards.verdict import Verdict

logger = logging.getLogger(__name__)

MAX_PRED_CHARS = 200
_threads: ThreadPoolExecutor | None = None


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: dict[str, Any] | None = None,
    *,
    mode: Mode = "boxed",
    timeout: float = 2.0,
    reward_router_address: str | None = None,
    reward_model_tokenizer: Any = None,
) -> dict[str, float | str]:
    """1.0 for a right final answer, 0.0 for any other.

    ``extra_info`` and the two reward-model arguments are verl's calling convention and have no influence.
    Another keyword is a TypeError: it would be an option without effect. ``timeout`` is `verify`'s, longer
    here: reward workers share their cores with the rest of a run, and a late verdict is a wrong reward.

    Returns:
        The same keys with the same types for every sample. ``score`` and ``acc`` (the reward, 0 or 1) become
        validation metrics; ``pred`` (the answer, cut to 200 characters) is what verl takes the majority over;
        ``reason`` and ``stage`` of the `Verdict` are kept with the dumped generations, where the report counts
        them. They are text because verl bootstraps every number, at about 1 s for 400 samples.
    """
    if isinstance(ground_truth, str):
        step = decide_cheaply(solution_str, ground_truth, mode=mode, timeout=timeout)
    else:
        step = Verdict("bad_gold", "extract")
    if isinstance(step, Undecided):
        loop = asyncio.get_running_loop()
        verdict = await loop.run_in_executor(_executor(), decide_symbolically, step, timeout)
    else:
        verdict = step
    if verdict.reason == "bad_gold":
        _report_bad_gold(data_source, repr(ground_truth)[:200])
    return {
        "score": float(bool(verdict)),
        "acc": float(bool(verdict)),
        "pred": (verdict.answer or "")[:MAX_PRED_CHARS],
        "reason": verdict.reason,
        "stage": verdict.stage,
    }


@functools.lru_cache(maxsize=4096)
def _report_bad_gold(data_source: str, ground_truth: str) -> None:
    """Log each once. An exception would be swallowed by verl's agent loop and the group lost silently."""
    logger.error("%s: ground truth %s cannot be read and earns no reward; correct the data", data_source, ground_truth)


def _executor() -> ThreadPoolExecutor:
    global _threads
    if _threads is None:
        _threads = ThreadPoolExecutor(shared_pool().size, thread_name_prefix="dgpo-reward")
    return _threads
