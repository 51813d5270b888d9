"""Decisions of a comparison (equal, different, not known), and how those of parts add up to that of the whole."""

from collections.abc import Callable, Iterable
from typing import TypeVar

MAX_UNORDERED = 32
"""Each part is compared with each: an unordered list with more parts that are not written the same is a mismatch."""
Part = TypeVar("Part")
Decision = bool | None
"""Equal, different, or None for not known."""


def every(decisions: Iterable[Decision]) -> Decision:
    """False at the first False, else None where one is None, else True."""
    return _first(False, decisions)


def either(decisions: Iterable[Decision]) -> Decision:
    """True at the first True, else None where one is None, else False."""
    return _first(True, decisions)


def _first(decisive: bool, decisions: Iterable[Decision]) -> Decision:
    outcome: Decision = not decisive
    for decision in decisions:
        if decision is decisive:
            return decisive
        outcome = None if decision is None else outcome
    return outcome


def paired(golds: Iterable[Part], answers: Iterable[Part], same: Callable[[Part, Part], Decision]) -> Decision:
    """Whether each of ``golds`` equals one of ``answers``, and each of these at most one: False where one equals none.

    Each takes the first that it equals: equality is transitive, but for decimals that are a millionth apart.
    """
    free, is_open = list(answers), False
    unmatched: list[Part] = []
    for gold in golds:
        if gold in free:
            free.remove(gold)
        else:
            unmatched.append(gold)
    if len(unmatched) > MAX_UNORDERED:
        return False
    for gold in unmatched:
        decisions: list[Decision] = []
        for answer in free:
            decisions.append(same(gold, answer))
            if decisions[-1]:
                break
        if True in decisions:
            del free[decisions.index(True)]
        elif None in decisions:
            is_open = True
        else:
            return False
    return None if is_open else True
