r"""Sums and products of many terms, ``\sum_{k=1}^{n} k^2``, also as ``1^2+2^2+\dots+n^2``: a term, the letter that is
bound in it, and the limits.
"""

import re
from collections.abc import Sequence
from fractions import Fraction

from dgpo.verifier.cursor import NotAlgebra
from dgpo.verifier.tree import BOUND, SERIES, Node, Operation, functions, names, operations, rebuilt, renamed
from dgpo.verifier.values import equal

STARTS = (0, 1, 2)
_INDEX = re.compile(r"([a-z]?)([+-]?\d{0,3})")


def series(function: str, term: Node, letter: str, low: Node, high: Node) -> Operation:
    """The terms for ``letter`` from ``low`` to ``high``; an infinite series is counted from 0."""
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
    """``a_{n+1}`` as a function of ``n``, ``a_1`` of 1."""
    head, _, index = part.partition("_") if isinstance(part, str) else ("", "", "")
    found = _INDEX.fullmatch(index) if index else None
    if not found or not head:
        return part
    shift = Fraction(int(found[2] or 0))
    return Operation("call", (f"{head}_", Operation("+", (found[1], shift)) if found[1] else shift))


def with_dots(function: str, first: Sequence[Node], last: Node) -> Operation:
    r"""The series that begins with the terms ``first`` and ends in ``last``: of one term alone, ``x_1 \cdots x_n``."""
    last, *first = (rebuilt(node, _indexed) for node in (last, *first))
    for letter, start in ((letter, start) for letter in sorted(names(last)) for start in STARTS):
        terms = [renamed(last, {letter: Fraction(start + at)}) for at in range(len(first))]
        is_clear = len(first) > 1 or last == letter or "call" in functions(last)
        if is_clear and all(map(equal, terms, first)):
            return series(function, last, letter, Fraction(start), letter)
    raise NotAlgebra
