"""Is the final answer of a response right? The stages in order, cheapest first: string, numeric, structure, value,
symbolic. Nearly all answers are decided before the last, which alone needs a worker process.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

from dgpo.verifier import extract, normalise, structure, words
from dgpo.verifier.by_value import equal_by_value
from dgpo.verifier.equality import Decision, Leaf, compare, settle, unknown
from dgpo.verifier.gold import Gold, read_gold
from dgpo.verifier.numeric import equal, read_number, split_unit
from dgpo.verifier.prose import unboxed_answer
from dgpo.verifier.symbolic import MAX_CHARS, compare_symbolically
from dgpo.verifier.units import same_unit
from dgpo.verifier.verdict import Reason, Stage, Verdict
from dgpo.verifier.workers import Budget, shared_pool

Mode = Literal["boxed", "answer", "extract"]
MAX_SIDES = 4
MAX_RAW_CHARS = 10_000
"""An answer longer than this, and than four times its gold, is not even cleaned."""
_STAGES: tuple[tuple[Stage, Leaf], ...] = (("structure", unknown), ("value", equal_by_value))


Tell = Callable[[Stage, str, str, Reason | Decision], None]
"""Hears of each comparison: its stage, gold, answer, and what the stage says (None: that it does not know)."""


def _to_nobody(stage: Stage, gold: str, answer: str, says: Reason | Decision) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Undecided:
    """What the cheap stages left open: every one of ``values`` must equal ``gold`` symbolically."""

    gold: str
    values: tuple[str, ...]
    answer: str


def verify(response: str, ground_truth: str, *, mode: Mode = "boxed", timeout: float = 1.0) -> Verdict:
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

    Returns:
        A `Verdict`, true exactly when the answer is right. A broken ground truth gives ``bad_gold``.

    Raises:
        TypeError: an argument that is no string. ValueError: an unknown mode, a timeout that is not positive.
        RuntimeError: the symbolic stage is needed, and no worker process can be started.
    """
    started = time.monotonic()
    step = decide_cheaply(response, ground_truth, mode=mode, timeout=timeout)
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

    left = [(index, step) for index, step in enumerate(steps) if isinstance(step, Undecided)]
    if left:
        indices, undecided = zip(*left, strict=True)
        with ThreadPoolExecutor(min(len(left), shared_pool().size)) as threads:
            for index, verdict in zip(indices, threads.map(finish, undecided), strict=True):
                steps[index] = verdict
    return cast(list[Verdict], steps)


def decide_cheaply(
    response: str, ground_truth: str, *, mode: Mode, timeout: float, tell: Tell = _to_nobody
) -> Verdict | Undecided:
    """All stages but the symbolic one: a verdict within milliseconds and without a process, or the rest."""
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
    answer = _answer(response, gold, mode)
    if answer is not None and len(answer) > max(MAX_RAW_CHARS, 4 * len(ground_truth)):
        return Verdict("too_large", "extract", answer)
    cleaned = normalise.clean(answer) if answer is not None else ""
    if answer is None or not cleaned:
        return Verdict("no_answer", "extract", answer)
    decision = _compare(gold, cleaned, tell)
    if isinstance(decision, Undecided):
        return replace(decision, answer=answer)
    reason, stage = decision
    return Verdict(reason, stage, answer)


def decide_symbolically(left: Undecided, timeout: float, tell: Tell = _to_nobody) -> Verdict:
    """The symbolic stage, within ``timeout`` seconds of work in all. Blocks; callable from any thread."""
    budget = Budget(timeout)
    were_cached: list[bool] = []

    def ask(gold: str, answer: str) -> str:
        outcome, cached = compare_symbolically(gold, answer, budget)
        tell("symbolic", gold, answer, outcome)
        were_cached.append(cached)
        return outcome

    outcome = "match"
    for value in left.values:
        outcome = settle(left.gold, value, ask)
        if outcome != "match":
            break
    return Verdict(cast(Reason, outcome), "symbolic", left.answer, cached=bool(were_cached) and all(were_cached))


def _answer(response: str, gold: Gold, mode: Mode) -> str | None:
    text = extract.final_text(response)
    if mode == "answer":
        boxed = extract.last_box(text)
        return text if boxed is None else boxed
    found = extract.boxes(text)
    if not found and mode == "extract":
        wanted = "choice" if gold.choice else "number" if gold.number else "expression"
        return unboxed_answer(text, wanted)
    contents = extract.of_last_line(text, found)
    if len(contents) > 1 and gold.has_many_values:
        outer, inner = structure.shell(gold.text)
        if outer in structure.UNORDERED and len(contents) == len(structure.split_list(inner)):
            return ", ".join(contents)
    return contents[-1] if contents else None


def _compare(gold: Gold, answer: str, tell: Tell) -> tuple[Reason, Stage] | Undecided:
    reason = _as_text(gold, answer)
    tell("string", gold.text, answer, reason)
    if reason:
        return reason, "string"
    values = structure.equation_values(answer, gold.text)
    reason = _as_statement(gold, answer, values)
    if reason:
        tell("structure", gold.text, answer, reason)
        return reason, "structure"
    reason = _as_numbers(gold, values)
    for value in values:
        tell("numeric", gold.value, value, reason)
    if reason:
        return reason, "numeric"
    bodies, units = zip(*map(split_unit, values), strict=True)
    if gold.unit and any(unit and not same_unit(gold.unit, unit) for unit in units):
        tell("structure", gold.value, answer, "mismatch")
        return "mismatch", "structure"
    wanted = gold.text if bodies == (answer,) and "=" in answer else gold.body  # an equation with an equation
    left = bodies
    for stage, leaf in _STAGES:
        decisions = [compare(wanted, body, leaf) for body in left]
        for body, decision in zip(left, decisions, strict=True):
            tell(stage, wanted, body, decision)
        if False in decisions:
            return "mismatch", stage
        left = tuple(body for body, decision in zip(left, decisions, strict=True) if decision is not True)
        if not left:
            return "match", stage
    return Undecided(wanted, left, answer)


def _as_text(gold: Gold, answer: str) -> Reason | None:
    if normalise.key(answer) == gold.key:
        return "match"
    if len(answer) > MAX_CHARS:
        return "too_large"
    is_same = _as_words(gold, answer)
    return None if is_same is None else "match" if is_same else "mismatch"


def _as_words(gold: Gold, answer: str) -> bool | None:
    """Answers in words and letters; None where either side is anything else."""
    phrase = words.phrase(answer)
    if phrase and gold.phrase:
        if words.NO_SOLUTION.fullmatch(phrase) and words.NO_SOLUTION.fullmatch(gold.phrase):
            return True
        shorter = min(len(phrase), len(gold.phrase))
        if phrase == gold.phrase and (shorter >= 3 or phrase == "no"):
            return True
        if shorter > 3:
            return False
    if r"\emptyset" in (gold.key, normalise.key(answer)):
        return bool(words.NO_SOLUTION.fullmatch(phrase or gold.phrase or ""))
    if gold.choices and (letters := words.choices(answer)):
        return letters == gold.choices
    letter = words.asserted_choice(answer) if gold.choice else None
    return None if letter is None else letter == gold.choice


def _as_statement(gold: Gold, answer: str, values: Sequence[str]) -> Reason | None:
    """What is wrong with ``answer`` as a whole, whose sides are ``values``."""
    if structure.is_hedge(answer, gold.has_many_values):
        return "hedge"
    is_no_claim = len(values) > MAX_SIDES or not all(values) or structure.names_differ(gold.text, answer)
    return "mismatch" if is_no_claim else None


def _as_numbers(gold: Gold, values: Sequence[str]) -> Reason | None:
    if gold.number is None:
        return None
    numbers = [read_number(value) for value in values]
    if not all(equal(gold.number, number) for number in numbers if number is not None):
        return "mismatch"
    return None if None in numbers else "match"
