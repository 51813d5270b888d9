"""Decides whether the final answer of a response is right, by stages in order of cost: string, numeric, structure,
value, symbolic. Nearly all answers are decided before the last, which alone needs a worker process.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal, get_args

from dgpo.verifier.answers.reading import Reading, asserted_choice, read
from dgpo.verifier.comparison import policy
from dgpo.verifier.comparison.decisions import Decision
from dgpo.verifier.comparison.echo import is_echo
from dgpo.verifier.comparison.equality import Comparison
from dgpo.verifier.expressions.tree import Given, Named, Several, Value
from dgpo.verifier.expressions.values import is_number
from dgpo.verifier.response import extract
from dgpo.verifier.response.gold import read_gold
from dgpo.verifier.response.prose import unboxed_answer
from dgpo.verifier.symbolic.compare import MAX_CHARS, compare_symbolically
from dgpo.verifier.symbolic.pool import Budget, shared_pool
from dgpo.verifier.verdict import Reason, Stage, Verdict

Mode = Literal["boxed", "answer", "extract"]
MAX_RAW_CHARS = 10_000
"""An answer longer than this, and than four times its gold, is not even read."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """A pair that the cheap stages left open."""

    gold: Reading
    reading: Reading
    answer: str
    problem: str | None = None


def verify(
    response: str, ground_truth: str, *, mode: Mode = "boxed", timeout: float = 1.0, problem: str | None = None
) -> Verdict:
    r"""Whether the final answer of ``response`` equals ``ground_truth``.

    Args:
        response: What the model wrote. Only its end (200,000 characters) after the last ``</think>`` is read, and
            nothing of a thought that does not end.
        ground_truth: The right answer in LaTeX or plain text; the content of its last box if it has one.
        mode: "boxed": the answer is the last balanced ``\boxed{}``; none, no reward. "answer": ``response``
            is the answer itself, boxed or bare. "extract": the last box, and where there is none the final
            answer that the text states (`prose`); for benchmarks whose prompts ask for "Answer: ...".
        timeout: Seconds of symbolic work at most, over all comparisons of this call: processor time of a worker
            process, so that a busy machine changes no verdict. The first call that needs a worker also starts it
            (about 1.5 s); a busy pool is waited for.
        problem: What was asked, where it is known: an expression of it is no answer (``echo``), unless it is the
            ground truth.

    Returns:
        A `Verdict`, true exactly when the answer is right. A broken ground truth gives ``bad_gold``.

    Raises:
        TypeError: an argument that is no string. ValueError: an unknown mode, a timeout that is not positive.
        RuntimeError: the symbolic stage is needed, and no worker process can be started.
    """
    started = time.monotonic()
    step = decide_cheaply(response, ground_truth, mode=mode, timeout=timeout, problem=problem)
    verdict = step if isinstance(step, Verdict) else decide_symbolically(step, timeout)
    return replace(verdict, seconds=time.monotonic() - started)


def verify_batch(
    responses: Sequence[str], ground_truths: Sequence[str], *, mode: Mode = "boxed", timeout: float = 1.0
) -> list[Verdict]:
    """`verify` on each pair, in order. The cheap stages run here, the symbolic one in all workers.

    Raises ValueError if the two have different lengths, and what `verify` raises.
    """
    if len(responses) != len(ground_truths):
        raise ValueError(f"{len(responses)} responses but {len(ground_truths)} ground truths: give one for each")
    steps: list[Verdict | Undecided] = []
    for response, ground_truth in zip(responses, ground_truths, strict=True):
        started = time.monotonic()
        step = decide_cheaply(response, ground_truth, mode=mode, timeout=timeout)
        steps.append(replace(step, seconds=time.monotonic() - started) if isinstance(step, Verdict) else step)

    def finish(step: Undecided) -> Verdict:
        started = time.monotonic()
        return replace(decide_symbolically(step, timeout), seconds=time.monotonic() - started)

    undecided = [step for step in steps if isinstance(step, Undecided)]
    threads = min(len(undecided), shared_pool().size) if undecided else 1
    with ThreadPoolExecutor(threads) as executor:
        finished = executor.map(finish, undecided)
        return [step if isinstance(step, Verdict) else next(finished) for step in steps]


def decide_cheaply(
    response: str, ground_truth: str, *, mode: Mode, timeout: float, problem: str | None = None
) -> Verdict | Undecided:
    """All stages but the symbolic one, within milliseconds: a verdict, or what the symbolic stage is to decide."""
    for name, value in (("response", response), ("ground_truth", ground_truth)):
        if not isinstance(value, str):
            raise TypeError(f"{name} must be a str, not {type(value).__name__}: {value!r:.80}")
    if mode not in get_args(Mode):
        raise ValueError(
            f"mode={mode!r} is unknown: use 'boxed' (the last \\boxed{{}}), 'answer' (a bare answer) or 'extract' "
            "(a box, or the final answer of a text without one)"
        )
    if not timeout > 0:
        raise ValueError(f"timeout={timeout!r} must be a positive number of seconds")
    gold = read_gold(ground_truth)
    if gold is None:
        return Verdict("bad_gold", "extract")
    has_many = policy.has_many_values(gold)
    answer = _answer(response, gold, mode)
    if answer is not None and len(answer) > max(MAX_RAW_CHARS, 4 * len(ground_truth)):
        return Verdict("too_large", "extract", answer)
    reading = read(answer) if answer is not None else None
    if reading is None or not reading.tokens:
        return Verdict("no_answer", "extract", answer)
    if not reading.choices and not asserted_choice(reading.plain):
        gold = gold.text_of_choice or gold
    elif isinstance(gold.tree, Value):  # (D) 28
        reading = reading.text_of_choice or reading if gold.choice is None else reading
    reason, stage = _compare(gold, reading, has_many)
    if reason is None:
        return Undecided(gold, reading, answer or "", problem)
    if reason == "match" and problem is not None and is_echo(problem, gold, reading):
        reason = "echo"
    return Verdict(reason, stage, answer)


def decide_symbolically(pair: Undecided, timeout: float) -> Verdict:
    """The symbolic stage, within ``timeout`` seconds of work in all. Blocks; callable from any thread."""
    questions = Questions(Budget(timeout))
    same = Comparison(questions.ask).same(pair.gold.tree, pair.reading.tree)
    reason: Reason = "match" if same else questions.reason or "mismatch"
    if same and pair.problem is not None and is_echo(pair.problem, pair.gold, pair.reading):
        reason = "echo"
    is_open = same is None and reason in ("mismatch", "unparsed", "bad_gold")  # and not past a limit
    return Verdict(reason, "symbolic", pair.answer, cached=questions.all_remembered, is_open=is_open)


class Questions:
    """Asks the symbolic stage about pairs of expressions, on one budget.

    Attributes:
        reason: Why a question had no answer; None where all had one.
        all_remembered: Whether there were questions, and all were answered from the cache.
    """

    def __init__(self, budget: Budget) -> None:
        self.reason: Reason | None = None
        self._budget = budget
        self._remembered: list[bool] = []

    def ask(self, gold: str, answer: str) -> Decision:
        if self.reason not in (None, "unparsed"):
            return None
        outcome, remembered = compare_symbolically(gold, answer, self._budget)
        self._remembered.append(remembered)
        if outcome in ("match", "mismatch"):
            return outcome == "match"
        self.reason = outcome
        return None

    @property
    def all_remembered(self) -> bool:
        return bool(self._remembered) and all(self._remembered)


def _answer(response: str, gold: Reading, mode: Mode) -> str | None:
    """The final answer of ``response``, None where ``mode`` finds none."""
    text = extract.final_text(response)
    contents = extract.boxes_of_last_line(text)
    if mode == "answer":
        return contents[-1] if contents else text
    if not contents and mode == "extract":
        wanted = "choice" if gold.is_choice else "number" if is_number(gold.tree) else "expression"
        return unboxed_answer(text, wanted)
    tree = gold.tree
    items = tree.items if isinstance(tree, Named | Several) and getattr(tree, "brackets", "") in ("", "{}") else ()
    if len(contents) > 1 and policy.has_many_values(gold) and len(contents) == len(items):
        return ", ".join(contents)
    return contents[-1] if contents else None


def _compare(gold: Reading, answer: Reading, gold_has_many: bool) -> tuple[Reason | None, Stage]:
    """The reason of a verdict and the stage that decided; None for the reason where no cheap stage did."""
    if answer.symbols == gold.symbols:
        return "match", "string"
    if len(answer.latex) > MAX_CHARS:
        return "too_large", "string"
    is_same = policy.in_words(gold, answer)
    if is_same is not None:
        return "match" if is_same else "mismatch", "string"
    comparison = Comparison()
    same = comparison.same(gold.tree, answer.tree)
    if policy.offers_alternatives(answer) and not gold_has_many:
        is_one = same and isinstance(answer.tree, Several | Given)  # in several forms: 1/4 or 25%
        return "match" if is_one else "hedge", "structure"
    stage: Stage = "value" if comparison.has_evaluated else "structure"
    if isinstance(gold.tree, Value) and isinstance(answer.tree, Value) and stage == "structure":
        stage = "numeric"
    return None if same is None else "match" if same else "mismatch", stage
