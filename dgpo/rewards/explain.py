"""One verification stage by stage: what each stage made of the answer and of the ground truth."""

import time

from rich.table import Table
from rich.text import Text

from dgpo.rewards import extract, normalise, structure
from dgpo.rewards.by_value import equal_by_value
from dgpo.rewards.compare import Parts, compare, settle
from dgpo.rewards.gold import Gold, check_ground_truth, read_gold
from dgpo.rewards.math_answer import Mode, Undecided, decide_cheaply, verify
from dgpo.rewards.numeric import read_number, split_unit
from dgpo.rewards.pool import Budget, shared_pool
from dgpo.rewards.summary import printable
from dgpo.rewards.symbolic import compare_symbolically
from dgpo.rewards.verdict import Verdict

WIDTH = 200
_SAYS = {True: "equal", False: "different", None: "does not decide"}


def explain(response: str, ground_truth: str, *, mode: Mode = "boxed", timeout: float = 1.0) -> Table:
    """A table with a row for each stage: what it read in the answer and in the ground truth, and what it says.

    A stage after the deciding one is shown as far as it needs no worker. Raises what `verify` raises.
    """
    step = decide_cheaply(response, ground_truth, mode=mode, timeout=timeout)
    lines = _rows(step, response, ground_truth, mode, timeout)
    verdict = verify(response, ground_truth, mode=mode, timeout=timeout)
    outcome = f"{'right' if verdict else 'wrong'}: {verdict.reason}, decided by the {verdict.stage} stage"
    again = " (remembered from above)" if verdict.cached else ""
    table = Table("stage", "answer", "ground truth", "says")
    for stage, *cells in lines:
        table.add_row(stage, *(Text(printable(cell, WIDTH)) for cell in cells))
    table.add_section()
    table.add_row("verdict", "", "", f"{outcome}, {1e3 * verdict.seconds:.2f} ms{again}")
    return table


def _rows(
    step: Verdict | Undecided, response: str, ground_truth: str, mode: Mode, timeout: float
) -> list[tuple[str, str, str, str]]:
    """(stage, answer, ground truth, what the stage says) as far as the verification comes."""
    boxes = len(extract.boxes(extract.final_text(response)))
    found = f"mode {mode}: {boxes} box{'' if boxes == 1 else 'es'} in the final text"
    gold = read_gold(ground_truth)
    if gold is None:
        return [("extract", "", ground_truth, _gold_fault(ground_truth))]
    if step.answer is None:
        return [("extract", "(none)", gold.text, found)]
    answer = normalise.clean(step.answer)
    rows = [("extract", step.answer, ground_truth, found)]
    if not answer:
        return [*rows, ("normalise", "(nothing left)", gold.text, "no answer")]
    keys = normalise.key(answer), gold.key
    rows.append(("string", *keys, "the same" if keys[0] == keys[1] else "different"))
    if isinstance(step, Verdict) and step.reason == "too_large":
        return rows
    values = structure.equation_values(answer, gold.text)
    numbers = "; ".join(_number(value) for value in values)
    rows.append(("numeric", numbers, _number(gold.value), _compared(step, "numeric")))
    rows.append(("structure", _structure(answer), _structure(gold.text), _structural(answer, values, gold)))
    rows += _by_value(answer, values, gold) or [("value", "", "", "not needed")]
    if isinstance(step, Undecided):
        rows += _symbolic(step, timeout)
    else:
        rows.append(("symbolic", "", "", "not needed"))
    return rows


def _gold_fault(ground_truth: str) -> str:
    try:
        check_ground_truth(ground_truth)
    except ValueError as error:
        return str(error)
    return "cannot be read"


def _number(text: str) -> str:
    number = read_number(text)
    if number is None:
        return "no number"
    kind = "per cent" if number.is_percent else "decimal" if number.is_decimal else "exact"
    return f"{number.value} ({kind}{', unit ' + number.unit if number.unit else ''})"


def _compared(step: Verdict | Undecided, stage: str) -> str:
    return step.reason if isinstance(step, Verdict) and step.stage == stage else "does not decide"


def _structure(text: str) -> str:
    if rows := structure.matrix(text):
        return f"matrix of {len(rows)} x {len(rows[0])}"
    brackets, inner = structure.shell(structure.unnamed(text))
    parts = structure.items(inner)
    unit = split_unit(text)[1]
    kind = f"{brackets or 'no brackets'}, {len(parts)} part{'' if len(parts) == 1 else 's'}"
    return f"{kind}{', unit ' + unit if unit else ''}: {' | '.join(parts)}"


def _structural(answer: str, values: list[str], gold: Gold) -> str:
    if structure.is_hedge(answer, gold.has_many_values):
        return "hedge: several answers for one value"
    decision = compare(gold.text if values == [answer] else gold.body, values[-1])
    if isinstance(decision, Parts):
        order = "in order" if decision.is_ordered else "in any order"
        return f"{len(decision.golds)} parts are left, {order}"
    return _SAYS[decision]


def _by_value(answer: str, values: list[str], gold: Gold) -> list[tuple[str, str, str, str]]:
    """A row for each pair that is evaluated."""
    rows: list[tuple[str, str, str, str]] = []

    def leaf(gold: str, answer: str) -> bool | None:
        same = equal_by_value(gold, answer)
        rows.append(("value", answer, gold, _SAYS[same]))
        return same

    if not structure.is_hedge(answer, gold.has_many_values):
        compare(gold.text if values == [answer] else gold.body, values[-1], leaf)
    return rows


def _symbolic(step: Undecided, timeout: float) -> list[tuple[str, str, str, str]]:
    """A row for each pair that math-verify is asked about, until the first that decides."""
    shared_pool().start()  # so that its start is in nobody's time
    rows: list[tuple[str, str, str, str]] = []

    def ask(gold: str, answer: str) -> str:
        started = time.monotonic()
        outcome, was_cached = compare_symbolically(gold, answer, Budget(timeout))
        took = "remembered" if was_cached else f"{1e3 * (time.monotonic() - started):.1f} ms"
        rows.append(("symbolic", answer, gold, f"{outcome} ({took})"))
        return outcome

    for value in step.values:
        if settle(step.gold, value, ask) != "match":
            break
    return rows
