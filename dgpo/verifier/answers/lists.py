r"""Lists by their rule: ``1, 2, \ldots, 5``, ``n^2, n = 1, 2, 3``, ``(1, 2, 3) and all permutations``."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import dropwhile, permutations
from typing import Any

from dgpo.verifier.answers import conditions, regions
from dgpo.verifier.answers.naming import read_name
from dgpo.verifier.answers.regions import Read
from dgpo.verifier.expressions.arithmetic import exact
from dgpo.verifier.expressions.points import COUNTERS
from dgpo.verifier.expressions.tree import ABOVE, Answer, Node, Piece, Region, Several, Statement, Value, renamed
from dgpo.verifier.text.splitting import split
from dgpo.verifier.text.tokens import Tokens, has, vocabulary

_PERMUTED = vocabulary("permutations permutation and all its any their of the cyclic with thereof up to")
MAX_PERMUTED = 4
_COUNTED = vocabulary("name relation number join dots open close")
MAX_FILLED = 100
"""The most values that a formula, or numbers that dots, may stand for."""


def joined(items: Sequence[Answer], name: str = "", brackets: str = "") -> Answer:
    r"""The one item, the list with the numbers that dots stand for, or the whole numbers of one that goes on."""
    if len(items) == 1 and not brackets:
        return items[0]
    series = _series(items)
    if isinstance(series, Region) and brackets in ("", "{}"):
        return replace(series, variable=name)
    return Several(brackets, tuple(series if isinstance(series, list) else items), name=name)


def _series(items: Sequence[Answer]) -> list[Value] | Region | None:
    r"""The numbers of ``1, 3, \ldots, 9``, the region of ``3, 4, 5, \ldots`` or ``1, 2, \ldots, n``; else None."""
    dots = [index for index, item in enumerate(items) if isinstance(item, Statement) and item.symbols == ("...",)]
    first, last = ([*map(_number, part)] for part in (items[: dots[0]], items[dots[0] + 1 :])) if dots else ([], [])
    if not first or None in first:
        return None
    step = first[1] - first[0] if len(first) > 1 else Fraction(1)
    if last and None not in last and step:
        count = (last[-1] - first[0]) / step + 1
        is_filled = len(items) - 1 <= count <= MAX_FILLED
        numbers = [first[0] + index * step for index in range(int(count))] if is_filled else []
        if numbers and (first, last) == (numbers[: len(first)], numbers[-len(last) :]):
            return [Value(number, ()) for number in numbers]
    end = items[-1] if last else ABOVE
    is_each = first == [int(first[0]) + index for index in range(len(first))]
    if len(items) < 4 or len(last) > 1 or not is_each or not isinstance(end, Value):
        return None
    return Region("", (Piece("[]" if last else "[)", Value(first[0], ()), end),), kind="Z")


def _number(item: Answer) -> Any:
    return exact(item.node) if isinstance(item, Value) and not item.unit else None


def written_out(tokens: Tokens, read: Read) -> Answer | None:
    r"""``1, 4, 9`` of ``n^2, n = 1, 2, 3``, ``2x`` of ``ax where a = 2``; None for anything else."""
    for head, clause in conditions.clauses(tokens):
        if clause[0].word == "where" and has(clause[1:2], "name") and has(clause[2:3], "relation", "="):
            if any(token.word == "where" for token in clause[1:]):
                return None
            sides, meaning = split(head, "relation", "=")[0], read(clause[3:])
            is_value = len(sides) == 1 or read_name(sides[0])
            if is_value and isinstance(meaning, Value) and not meaning.is_opaque and not meaning.unit:
                return _with_number(read(sides[-1]), str(clause[1].value), meaning.node)
        clause = conditions.without_fillers(clause)
        letters = [str(token.value) for token in clause if token.kind == "name"]
        kinds = {str(token.kind) for token in clause}
        if not "relation" in kinds <= _COUNTED or len(letters) != 1 or letters[0] not in COUNTERS:
            continue
        counts = read(clause)
        counts = regions.listed(counts) if isinstance(counts, Region) else counts
        items = counts.items if isinstance(counts, Several) else ()
        numbers = [item.node for item in items if isinstance(item, Value) and isinstance(item.node, Fraction)]
        value = read(split(head, "relation", "=")[0][-1])
        values = tuple(_with_number(value, letters[0], number) for number in numbers)
        if 1 < len(values) == len(items) <= MAX_FILLED and values[0] != value:
            return Several("", values)
    return None


def _with_number(tree: Answer, letter: str, number: Node) -> Answer:
    """``tree`` with a number for a letter of its values."""
    if isinstance(tree, Several):
        return replace(tree, items=tuple(_with_number(item, letter, number) for item in tree.items))
    if not isinstance(tree, Value):
        return tree
    node = renamed(tree.node, {letter: number})
    computed = exact(node)
    return replace(tree, node=node if computed is None else computed)


def permuted(tokens: Tokens, read: Read) -> Answer | None:
    """The list of tuples that ``(1, 2, 3) and all permutations`` means, or its cyclic ones; None for anything else."""
    words = {token.word for token in tokens} - {""}
    if words.isdisjoint(("permutations", "permutation")) or not words <= _PERMUTED:
        return None
    end = max((index for index, token in enumerate(tokens) if token.kind == "close"), default=0) + 1
    side = split(tokens[:end], "relation", "=")[0][-1]
    point = read(tuple(dropwhile(lambda token: token.word, side)))
    goes_on = not all(token.word or token.kind == "join" for token in tokens[end:])
    if goes_on or not isinstance(point, Several) or point.brackets != "()" or len(point.items) > MAX_PERMUTED:
        return None
    turns = [point.items[place:] + point.items[:place] for place in range(len(point.items))]
    orders = turns if "cyclic" in words else permutations(point.items)
    return Several("", tuple(Several("()", order) for order in dict.fromkeys(orders)))
