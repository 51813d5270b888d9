r"""Sums and products of many terms, written ``\sum_{k=1}^{n} k^2`` or ``1^2+2^2+\dots+n^2``."""

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise, product

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
from dgpo.verifier.expressions.values import equal, exact

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

    The product of numbers one after the other is a quotient of factorials.
    """
    last, *first = (rebuilt(node, _indexed) for node in (last, *first))
    for letter, start in product(sorted(names(last)), STARTS):
        terms = [renamed(last, {letter: Fraction(start + place)}) for place in range(len(first))]
        is_clear = len(first) > 1 or last == letter or "call" in functions(last)
        if is_clear and all(map(equal, terms, first)):
            return series(function, last, letter, Fraction(start), letter)
    gap, *gaps = (minus(two, one) for one, two in pairwise(first)) if len(first) > 1 else ((last,) * 2)
    step, low, high = exact(gap), exact(first[0]), exact(last)
    if step and low is not None and high is not None and all(exact(each) == step for each in gaps):
        count = (high - low) / step  # 1 + 3 + ... + 99
        if count.denominator == 1 and count > len(gaps):
            term = Operation("+", (low, Operation("*", (step, "k"))))
            return series(function, term, "k", Fraction(0), count)
    are_factors = function == "prod" and isinstance(first[0], Operation) and first[0].function == "*"  # n(n - 1)
    first = [*first[0].operands, *first[1:]] if are_factors and isinstance(first[0], Operation) else first
    if function != "prod" or len(first) < 2:
        raise NotAlgebra
    for low, high, step in ((first[0], last, 1), (last, first[0], -1)):  # (n + 1)(n + 2)...2n, n(n - 1)...2
        if all(equal(Operation("+", (one, Fraction(step))), two) for one, two in pairwise(first)):
            below = Operation("!", (Operation("+", (low, Fraction(-1))),))
            return Operation("*", (Operation("!", (high,)), *([] if low == 1 else [Operation("/", (below,))])))
    raise NotAlgebra
