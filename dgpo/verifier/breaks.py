"""Where two expressions with a kink may part: points at their constants, between them and past them."""

import itertools
from collections.abc import Iterable, Iterator
from fractions import Fraction

MAX_VALUES = 40
MAX_POINTS = 84


def breaks(found: Iterable[Fraction], count: int, is_whole: bool) -> Iterator[tuple[Fraction | None, ...]]:
    """Where expressions of ``count`` variables with these constants may part: each variable at a time (None for the
    others), and all together.

    Past the constants, at them, between them, at their sums, products and quotients, with both signs; for whole numbers
    also one below and one above.
    """
    constants = sorted({abs(number) for number in found if number}, key=lambda one: (one.denominator, one))[:6]
    pairs = [*itertools.combinations(constants, 2)]
    values = [Fraction(0), Fraction(1), *constants, *((3 * one + two) / 4 for one, two in pairs)]
    values += [value for one, two in pairs for value in (abs(one - two), one + two, one * two, one / two, two / one)]
    values += [one**power for one in constants for power in (2, 3)]
    values = [value for value in dict.fromkeys(values) if value < 10**9]
    largest, values = max(values), values[:MAX_VALUES]
    if is_whole:
        near = {abs(round(value) + step) for value in values for step in (-1, 0, 1)}
        signed = [Fraction(value) for value in sorted({*near, *range(12), 3 * round(largest) + 1})]
    else:
        values = [17 * largest / 16 + 1, 10 * largest + 3, *values]
        signed = [sign * value for value in values for sign in ((1, -1) if value else (1,))]
    points = (point for value in signed for point in _points(value, count))
    return itertools.islice(points, None if is_whole else MAX_POINTS)


def _points(value: Fraction, count: int) -> Iterator[tuple[Fraction | None, ...]]:
    for place in range(count if count <= 3 else 0):
        yield tuple(value if index == place else None for index in range(count))
    if count > 1:
        yield tuple(value + index for index in range(count))
