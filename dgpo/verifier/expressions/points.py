"""The points at which expressions are compared: numbers for their letters."""

import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction

from dgpo.verifier.expressions.arithmetic import exact
from dgpo.verifier.expressions.tree import SERIES, Node, functions, names, operations, subtrees

COUNTERS = frozenset("ijklmnpqr")
"""Letters that are whole numbers in a floor: ``\\lceil n/2 \\rceil`` is ``\\lfloor (n+1)/2 \\rfloor``."""
Coordinate = Callable[[str, int], Fraction]
"""The value of a variable, given by its name, at a point, given by its number."""
POSITIVE_POINTS = 3
"""At so many of the points, the first, all variables are positive."""
MAX_VALUES = 40
MAX_BREAKS = 84
"""The most points that are tried for two expressions with a kink."""


def coordinate(name: str, index: int) -> Fraction:
    """The value of a variable at a point: positive at the first points, mostly negative at the others."""
    generator = random.Random(f"{name} {index}")
    value = Fraction(generator.randrange(101, 997), 211)
    return value if index < POSITIVE_POINTS or generator.random() < 0.3 else -value


def whole(name: str, index: int) -> Fraction:
    """As `coordinate`, but consecutive whole numbers: floor and ceiling may differ at these, or at even ones, alone."""
    return Fraction(random.Random(name).randrange(1, 60) + index)


def counting(name: str, index: int) -> Fraction:
    """As `coordinate`, but small whole numbers for `COUNTERS`, at random, so that even and odd ones meet."""
    return Fraction(random.Random(f"{name}{index}").randrange(1, 13)) if name in COUNTERS else coordinate(name, index)


def places(gold: Node, answer: Node) -> list[Coordinate]:
    """Where two expressions are compared: at whole numbers too where they have steps."""
    variables, used = names(gold) | names(answer), functions(gold) | functions(answer)
    if used & {*SERIES, "!!"}:
        return [counting]
    has_steps = variables and used & {"floor", "ceil", "gcd", "lcm"}
    steps = [whole, *[counting] * ("gcd" in used or "lcm" in used)] if has_steps else []
    if not steps and (_alternates(gold) or _alternates(answer)):
        return [counting]
    return steps if steps and variables <= COUNTERS else [coordinate, *steps]


def _alternates(node: Node) -> bool:
    """Whether a negative number has a power that must be whole: ``(-1)^n``."""
    powers = (part.operands for part in operations(node, "^"))
    return any((exact(base) or 0) < 0 and bool(names(exponent) & COUNTERS) for base, exponent in powers)


def breaks(gold: Node, answer: Node, at: Coordinate) -> Iterator[Mapping[str, Fraction]]:
    """Points where two expressions may differ: each variable is moved alone from where ``at`` has it, and all together.

    To values past the numbers in them, at them, between them, at their sums, products and quotients, with both signs;
    for whole numbers also one below and one above.
    """
    numbers = {part for side in (gold, answer) for part in subtrees(side) if isinstance(part, Fraction)}
    constants = sorted({abs(number) for number in numbers if number}, key=lambda size: (size.denominator, size))[:6]
    pairs = [*itertools.combinations(constants, 2)]
    values = [Fraction(0), Fraction(1), *constants, *((3 * one + two) / 4 for one, two in pairs)]
    values += [value for one, two in pairs for value in (abs(one - two), one + two, one * two, one / two, two / one)]
    values += [number**power for number in constants for power in (2, 3)]
    values = [value for value in dict.fromkeys(values) if value < 10**9]
    largest, values = max(values), values[:MAX_VALUES]
    if at is whole:
        near = {abs(round(value) + step) for value in values for step in (-1, 0, 1)}
        signed = [Fraction(value) for value in sorted({*near, *range(12), 3 * round(largest) + 1})]
    else:
        values = [17 * largest / 16 + 1, 10 * largest + 3, *values]
        signed = [sign * value for value in values for sign in ((1, -1) if value else (1,))]
    start = {name: at(name, 0) for name in sorted(names(gold) | names(answer))}
    return itertools.islice(_moved(start, signed), None if at is whole else MAX_BREAKS)


def _moved(start: Mapping[str, Fraction], values: Sequence[Fraction]) -> Iterator[Mapping[str, Fraction]]:
    for value in values:
        if len(start) <= 3:
            yield from ({**start, name: value} for name in start)
        if len(start) > 1:
            yield {name: value + index for index, name in enumerate(start)}
