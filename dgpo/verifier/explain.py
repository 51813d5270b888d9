"""One verification stage by stage: what each stage made of the answer and of the ground truth."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dgpo.errors import UserError
from dgpo.tables import Table
from dgpo.verifier import extract, normalise, structure
from dgpo.verifier.by_value import equal_by_value
from dgpo.verifier.equality import Decision, Parts, compare
from dgpo.verifier.gold import check_ground_truth
from dgpo.verifier.numeric import read_number, split_unit
from dgpo.verifier.stages import Mode, decide_cheaply, decide_symbolically
from dgpo.verifier.tally import printable
from dgpo.verifier.verdict import Reason, Stage, Verdict
from dgpo.verifier.workers import shared_pool

WIDTH = 200


@dataclass(frozen=True)
class _Step:
    """What a stage said of a pair; see `stages.Tell`."""

    stage: Stage
    gold: str
    answer: str
    says: Reason | Decision


def explain(response: str, ground_truth: str, *, mode: Mode = "boxed", timeout: float = 1.0) -> Table:
    """A table with a row for each comparison that the verification makes, and the verdict below.

    Raises UserError where a worker process is needed and none can be started, and what else `verify` raises.
    """
    steps: list[_Step] = []

    def tell(stage: Stage, gold: str, answer: str, says: Reason | Decision) -> None:
        steps.append(_Step(stage, gold, answer, says))

    started = time.monotonic()
    verdict = decide_cheaply(response, ground_truth, mode=mode, timeout=timeout, tell=tell)
    if not isinstance(verdict, Verdict):
        before = time.monotonic() - started
        try:
            shared_pool().start()  # in nobody's time
        except RuntimeError as error:
            raise UserError(str(error)) from error
        started = time.monotonic() - before
        verdict = decide_symbolically(verdict, timeout, tell)
    took = 1e3 * (time.monotonic() - started)
    outcome = f"{'right' if verdict else 'wrong'}: {verdict.reason}, decided by the {verdict.stage} stage"
    again = " (remembered)" if verdict.cached else ""
    head = ("stage", "answer", "ground truth", "says")
    rows = [[printable(cell, WIDTH) for cell in row] for row in _rows(response, ground_truth, mode, verdict, steps)]
    return Table(head, rows, notes=[f"{outcome}, {took:.2f} ms{again}"], words=head)


def _rows(
    response: str, ground_truth: str, mode: Mode, verdict: Verdict, steps: list[_Step]
) -> Iterator[tuple[str, str, str, str]]:
    """(stage, answer, ground truth, what the stage says)."""
    answer = "(none)" if verdict.answer is None else verdict.answer
    yield "extract", answer, ground_truth, _extracted(response, ground_truth, mode, verdict)
    for stage, rows_of in _STAGES.items():
        rows = [row for step in steps if step.stage == stage for row in rows_of(step)]
        yield from ((stage, *row) for row in rows or [("", "", "not needed")])


def _extracted(response: str, ground_truth: str, mode: Mode, verdict: Verdict) -> str:
    if verdict.reason == "bad_gold":
        try:
            check_ground_truth(ground_truth)
        except ValueError as error:
            return str(error)
    boxes = len(extract.boxes(extract.final_text(response)))
    return f"mode {mode}: {boxes} box{'' if boxes == 1 else 'es'} in the final text"


def _as_key(step: _Step) -> list[tuple[str, str, str]]:
    return [(normalise.key(step.answer), normalise.key(step.gold), _said(step.says))]


def _as_number(step: _Step) -> list[tuple[str, str, str]]:
    return [(_number(step.answer), _number(step.gold), _said(step.says))]


def _as_parts(step: _Step) -> list[tuple[str, str, str]]:
    return [(_structure(step.answer), _structure(step.gold), _said(step.says))]


def _as_values(step: _Step) -> list[tuple[str, str, str]]:
    """A row for each pair of parts that is evaluated."""
    rows: list[tuple[str, str, str]] = []

    def leaf(gold: str, answer: str) -> bool | None:
        same = equal_by_value(gold, answer)
        rows.append((answer, gold, _said(same)))
        return same

    compare(step.gold, step.answer, leaf)
    return rows


def _as_is(step: _Step) -> list[tuple[str, str, str]]:
    return [(step.answer, step.gold, _said(step.says))]


_STAGES: dict[Stage, Callable[[_Step], list[tuple[str, str, str]]]] = {
    "string": _as_key,
    "numeric": _as_number,
    "structure": _as_parts,
    "value": _as_values,
    "symbolic": _as_is,
}


def _said(says: Reason | Decision) -> str:
    if isinstance(says, str):
        return "hedge: several answers for one value" if says == "hedge" else says
    if isinstance(says, Parts):
        return f"{len(says.golds)} parts are left, in {'order' if says.is_ordered else 'any order'}"
    return "does not decide" if says is None else "equal" if says else "different"


def _number(text: str) -> str:
    number = read_number(text)
    if number is None:
        return "no number"
    kind = "per cent" if number.is_percent else "decimal" if number.is_decimal else "exact"
    return f"{number.value} ({kind}{', unit ' + number.unit if number.unit else ''})"


def _structure(text: str) -> str:
    if rows := structure.matrix(text):
        return f"matrix of {len(rows)} x {len(rows[0])}"
    brackets, inner = structure.shell(structure.unnamed(text))
    parts = structure.items(inner)
    unit = split_unit(text)[1]
    kind = f"{brackets or 'no brackets'}, {len(parts)} part{'' if len(parts) == 1 else 's'}"
    return f"{kind}{', unit ' + unit if unit else ''}: {' | '.join(parts)}"
