"""What a comparison says, and those that it asks and tells."""

from collections.abc import Callable, Iterable
from typing import TypeVar

MAX_UNORDERED = 32
"""An unordered list with more parts, those that are the same aside, is a mismatch: each is compared with each."""
Part = TypeVar("Part")
Decision = bool | None
Ask = Callable[[str, str], Decision]
"""Compares two LaTeX expressions that no tree decides."""
Tell = Callable[[str, str, Decision, str], None]
"""Hears of each pair of expressions: ground truth, answer, what was said of them, and by ``value`` or ``symbolic``."""


def every(decisions: Iterable[Decision]) -> Decision:
    """Whether all hold: False at the first that does not, None where one is open."""
    outcome: Decision = True
    for decision in decisions:
        if decision is False:
            return False
        outcome = None if decision is None else outcome
    return outcome


def either(decisions: Iterable[Decision]) -> Decision:
    """Whether one holds: True at the first that does, None where one is open."""
    outcome: Decision = False
    for decision in decisions:
        if decision is True:
            return True
        outcome = None if decision is None else outcome
    return outcome


def paired(golds: Iterable[Part], answers: Iterable[Part], same: Callable[[Part, Part], Decision]) -> Decision:
    """Whether each of ``golds`` has one of ``answers`` to itself: False at the first without, None where one is open.

    Greedily: equality is transitive, but for decimals that are a millionth apart.
    """
    left, is_open = list(answers), False
    rest = []
    for gold in golds:
        if gold in left:
            left.remove(gold)
        else:
            rest.append(gold)
    if len(rest) > MAX_UNORDERED:
        return False
    for gold in rest:
        decisions: list[Decision] = []
        for answer in left:
            decisions.append(same(gold, answer))
            if decisions[-1]:
                break
        if True in decisions:
            del left[decisions.index(True)]
        elif None in decisions:
            is_open = True
        else:
            return False
    return None if is_open else True
