r"""Sums and products of many terms, written ``\sum_{k=1}^{n} k^2`` or ``1^2+2^2+\dots+n^2``."""

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise, product

from dgpo.verifier.expressions.arithmetic import exact
from dgpo.verifier.expressions.cursor import NotAlgebra
from dgpo.verifier.expressions.tree import (
    BOUND,
    SERIES,
    Node,
    Operation,
    functions,
    minus,
    names,
    operations,
    rebuilt,
    renamed,
)
from dgpo.verifier.expressions.values import equal

STARTS = (0, 1, 2)
_IN_AN_INDEX = re.compile(r"([+-]?)([a-z]|\d{1,3})")
_INDEX = re.compile(r"(?:[+-]?(?:[a-z]|\d{1,3})(?![a-z\d]))+")


def series(function: str, term: Node, letter: str, low: Node, high: Node) -> Operation:
    """The series of ``term`` for ``letter`` from ``low`` to ``high``; an infinite one is shifted to begin at 0."""
    inner = sum(1 for kind in SERIES for _ in operations(term, kind))
    if inner > 1:
        raise NotAlgebra
    bound = f"{BOUND}{inner}"
    term = renamed(rebuilt(term, _indexed), {letter: bound})
    if any(letter in name for name in names(term) if "_" in name):
        raise NotAlgebra
    if high == "infinity":
        term, low = renamed(term, {bound: Operation("+", (bound, low))}), Fraction(0)
    return Operation(function, (term, bound, low, high))


def _indexed(part: Node) -> Node:
    """The name ``a_{n-k+1}`` as the function ``a_`` of ``n-k+1``, and ``a_1`` as that of 1; else ``part``."""
    head, _, index = part.partition("_") if isinstance(part, str) else ("", "", "")
    if not head or not _INDEX.fullmatch(index):
        return part
    terms = [(sign, Fraction(term) if term.isdigit() else term) for sign, term in _IN_AN_INDEX.findall(index)]
    nodes = [Operation("-", (term,)) if sign == "-" else term for sign, term in terms]
    return Operation("call", (f"{head}_", Operation("+", tuple(nodes)) if len(nodes) > 1 else nodes[0]))


def with_dots(function: str, first: Sequence[Node], last: Node) -> Operation:
    """The series of ``first + ... + last``: a letter of ``last``, counted from 0, 1 or 2, gives the ``first`` terms.

    Without such a letter a progression of numbers, or a product of neighbours as a quotient of factorials.
    """
    last, *first = (rebuilt(node, _indexed) for node in (last, *first))
    for letter, start in product(sorted(names(last)), STARTS):
        terms = [renamed(last, {letter: Fraction(start + place)}) for place in range(len(first))]
        is_clear = len(first) > 1 or last == letter or "call" in functions(last)
        if is_clear and all(map(equal, terms, first)):
            return series(function, last, letter, Fraction(start), letter)
    found = _progression(function, first, last) or (_quotient(first, last) if function == "prod" else None)
    if found is None:
        raise NotAlgebra
    return found


def _progression(function: str, first: Sequence[Node], last: Node) -> Operation | None:
    """The series of ``1 + 3 + ... + 99``, numbers of which two neighbours are always as far apart; None for others."""
    steps = [exact(minus(two, one)) for one, two in pairwise(first)]
    step, low, high = steps[0] if steps else None, exact(first[0]), exact(last)
    if not step or low is None or high is None or any(each != step for each in steps):
        return None
    count = (high - low) / step
    term = Operation("+", (low, Operation("*", (step, "k"))))
    is_whole = count.denominator == 1 and count >= len(steps)
    return series(function, term, "k", Fraction(0), count) if is_whole else None


def _quotient(first: Sequence[Node], last: Node) -> Operation | None:
    """``n(n - 1)...2`` and ``(n + 1)(n + 2)...2n`` as quotients of factorials; None for other factors."""
    if isinstance(first[0], Operation) and first[0].function == "*":
        first = [*first[0].operands, *first[1:]]
    for low, high, step in ((first[0], last, 1), (last, first[0], -1)):
        if len(first) > 1 and all(equal(Operation("+", (one, Fraction(step))), two) for one, two in pairwise(first)):
            below = Operation("!", (Operation("+", (low, Fraction(-1))),))
            return Operation("*", (Operation("!", (high,)), *([] if low == 1 else [Operation("/", (below,))])))
    return None
