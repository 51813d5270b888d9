"""Decides whether the final answer of a response is right, by stages in order of cost: string, numeric, structure,
value.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from dgpo.verifier.answers.options import options_in
from dgpo.verifier.answers.reading import Reading, read
from dgpo.verifier.comparison import policy
from dgpo.verifier.comparison.echo import is_echo
from dgpo.verifier.comparison.equality import Comparison
from dgpo.verifier.expressions.arithmetic import exact
from dgpo.verifier.expressions.tree import Given, Named, Several, Value, names
from dgpo.verifier.expressions.values import OutOfTime, is_number, limited_to
from dgpo.verifier.response import extract
from dgpo.verifier.response.prose import unboxed_answer
from dgpo.verifier.verdict import Stage, Verdict

Mode = Literal["boxed", "answer", "extract"]
MAX_RAW_CHARS = 10_000
"""An answer longer than this, and than four times its gold, is not even read."""
MAX_CHARS = 1000
"""Of an answer as the lexer spells it; a longer one can only be right by its text."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What is to be compared: both as they were read, and their texts."""

    gold: Reading
    reading: Reading
    ground_truth: str
    answer: str


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
        timeout: Seconds of processor time for the comparison, looked at between its steps; nearly all take less than
            a thousandth.
        problem: What was asked, where it is known: an expression of it is no answer (``echo``), unless it is the
            ground truth, and the text of one of its options is as good as its letter.

    Returns:
        A `Verdict`, true exactly when the answer is right. A broken ground truth gives ``bad_gold``.

    Raises:
        TypeError: an argument that is no string. ValueError: an unknown mode, a timeout that is not positive.
    """
    started = time.monotonic()
    if not timeout > 0:
        raise ValueError(f"timeout={timeout!r} must be a positive number of seconds")
    found = find(response, ground_truth, mode)
    verdict = found if isinstance(found, Verdict) else decide(found, timeout, problem)
    return replace(verdict, seconds=time.monotonic() - started)


def verify_batch(
    responses: Sequence[str], ground_truths: Sequence[str], *, mode: Mode = "boxed", timeout: float = 1.0
) -> list[Verdict]:
    """`verify` on each pair, in order.

    Raises ValueError if the two have different lengths, and what `verify` raises.
    """
    if len(responses) != len(ground_truths):
        raise ValueError(f"{len(responses)} responses but {len(ground_truths)} ground truths: give one for each")
    return [verify(*pair, mode=mode, timeout=timeout) for pair in zip(responses, ground_truths, strict=True)]


def find(response: str, ground_truth: str, mode: Mode) -> Verdict | Pair:
    """The final answer beside the ground truth, both read, or the verdict where there is nothing to compare."""
    for name, value in (("response", response), ("ground_truth", ground_truth)):
        if not isinstance(value, str):
            raise TypeError(f"{name} must be a str, not {type(value).__name__}: {value!r:.80}")
    if mode not in get_args(Mode):
        raise ValueError(
            f"mode={mode!r} is unknown: use 'boxed' (the last \\boxed{{}}), 'answer' (a bare answer) or 'extract' "
            "(a box, or the final answer of a text without one)"
        )
    gold = extract.read_gold(ground_truth)
    if gold is None:
        return Verdict("bad_gold", "extract")
    answer = _answer(response, gold, mode)
    if answer is None:
        return Verdict("no_answer", "extract")
    if len(answer) > max(MAX_RAW_CHARS, 4 * len(ground_truth)):
        return Verdict("too_large", "extract", answer)
    reading = read(answer)
    return Pair(gold, reading, ground_truth, answer) if reading.tokens else Verdict("no_answer", "extract", answer)


def decide(pair: Pair, timeout: float, problem: str | None = None) -> Verdict:
    """The verdict on an answer that was found."""
    gold, reading = pair.gold, pair.reading
    if not (gold.sum and reading.sum):
        gold, reading = policy.without_letters(gold, reading)
    try:
        with limited_to(timeout):
            verdict = _compared(gold, reading, pair.gold)
            if problem is not None:
                options = options_in(problem)
                is_option = any(option.symbols == reading.symbols for option in options.values())
                if verdict and not is_option and is_echo(problem, gold, reading):
                    verdict = replace(verdict, reason="echo")
                elif not verdict and _is_chosen(options, pair.gold, pair.reading):
                    verdict = replace(verdict, reason="match")
    except OutOfTime:
        verdict = Verdict("timeout", "value")
    return replace(verdict, answer=pair.answer)


def _answer(response: str, gold: Reading, mode: Mode) -> str | None:
    """The final answer of ``response``, None where ``mode`` finds none."""
    text = extract.final_text(response)
    contents = extract.boxes_of_last_line(text)
    if mode == "answer":
        return contents[-1] if contents else text
    if not contents and mode == "extract":
        other = "words" if gold.phrase and not any(map(str.isdigit, gold.behind_reply)) else "expression"
        return unboxed_answer(text, "choice" if gold.is_choice else "number" if is_number(gold.tree) else other)
    items = gold.tree.items if isinstance(gold.tree, Named | Several) else ()
    if len(contents) > 1 and policy.has_many_values(gold) and len(contents) == len(items):
        return ", ".join(contents)
    return contents[-1] if contents else None


def _is_chosen(options: Mapping[str, Reading], gold: Reading, answer: Reading) -> bool:
    """Whether one is the letter of an option, alone, and the other the text of this option and of no other."""
    choice, text = (gold, answer) if gold.is_choice else (answer, gold)
    if not choice.is_choice or text.is_choice or len(choice.plain) > len("(A)"):
        return False
    return [choice.choice] == [name for name, option in options.items() if _compared(option, text, option)]


def _compared(gold: Reading, answer: Reading, asked: Reading) -> Verdict:
    """The verdict on two readings, of a ground truth that was ``asked`` for perhaps with the letter of a choice."""
    if answer.symbols == gold.symbols:
        return Verdict("match", "string")
    if len(answer.latex) > MAX_CHARS:
        return Verdict("too_large", "string")
    are_sums = gold.sum and answer.sum
    comparison = Comparison()
    if not are_sums and (is_same := policy.in_words(gold, answer, comparison.same)) is not None:
        return Verdict("match" if is_same else "mismatch", "string")
    same = comparison.same(gold.tree, answer.tree)
    if not are_sums and policy.offers_alternatives(answer) and not policy.has_many_values(asked):
        is_one = same and isinstance(answer.tree, Several | Given)  # in several forms: 1/4 or 25%
        return Verdict("match" if is_one else "hedge", "structure")
    stage: Stage = "value" if comparison.has_evaluated else "structure"
    if isinstance(gold.tree, Value) and isinstance(answer.tree, Value) and stage == "structure":
        stage = "numeric"
    if same is None:
        trees = (gold.tree, answer.tree)
        nodes = [tree.node for tree in trees if isinstance(tree, Value) and not tree.is_opaque]
        is_beyond = len(nodes) == 2 and not names(nodes[1]) and exact(nodes[1]) is None  # 9^{9^9}
        return Verdict("too_large" if is_beyond else "unparsed", stage)
    return Verdict("match" if same else "mismatch", stage)
