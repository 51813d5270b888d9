r"""What the values of an answer are called: ``x = 1, y = 2``, ``Alice: 3, Bob: 4``, ``The maximum is 8``, ``A(1, 2)``,
``(a) 5 (b) 7``.
"""

from collections.abc import Callable
from fractions import Fraction
from itertools import product, takewhile

from dgpo.verifier.answers.lists import joined
from dgpo.verifier.answers.naming import read_name
from dgpo.verifier.expressions.tree import Answer, Named, Several
from dgpo.verifier.text.splitting import shell, split, step, trimmed
from dgpo.verifier.text.tokens import CLOSE, OPEN, Token, Tokens, has, has_any, vocabulary

_UNKNOWNS = vocabulary("x y z k m n p r s t lambda theta")
"""Letters whose indices may count the roots of an equation, in any order."""
_VERBS = vocabulary("is are has have equals was gets makes need needs costs takes earns pays")
_POINTS = vocabulary("point points vertex center centre focus coordinates normal uniform bin binomial")
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi")
_NUMBERINGS = (tuple("abcdefgh"), tuple(map(Fraction, range(1, 9))), _ROMAN, tuple(map(str.upper, _ROMAN)))


def read_named(tokens: Tokens, read: Callable[[Tokens], list[Answer]]) -> Answer | None:
    """``x = 1, y = 2`` by name, ``x = 1, x = 2`` and ``x = 1, 2`` as a list; None for what is not named so.

    Args:
        read: Reads one value, as two answers where it has both signs.
    """
    groups, cuts = split(tokens, "join", "or", ";")
    if cuts and all(groups):
        solutions = [solution for group in groups if isinstance(solution := read_named(group, read), Named)]
        if len(solutions) == len(groups):
            return Several("", tuple(solutions))
    parts = [part for part in split(tokens, "join")[0] if part]
    sides = [side for part in parts for side in _solved(part)]
    names = [read_name(side[0]) if len(side) == 2 else None for side in sides]
    first = names[0] if names else None
    if first is None or first.head == "()" or (first.argument and first.head not in ("max", "min")):
        return None
    indices = [name.index for name in names if name]
    are_roots = first.head in _UNKNOWNS and {*indices} == {*map(str, range(1, len(names) + 1))}  # x_1, x_2
    are_terms = len({*indices}) == len(names) > 1 and not are_roots  # a_3, a_7; v_1, v_2
    are_many = len({name.head for name in names if name}) > 1
    if are_many and has(cuts, "join", "or"):
        return None  # x = 2 or y = 3
    if all(names) and (are_many or are_terms):
        keys = tuple(str(name).removeprefix("angle ") for name in names)
        if len(set(keys)) < len(keys):
            return None
        values = [read(side[1]) for side in sides]
        if sum(len(value) > 1 for value in values) == 1:  # x = 2, y = \pm 1
            return Several("", tuple(Named(keys, items) for items in product(*values)))
        return Named(keys, tuple(map(joined, values)))
    if not all(names) and (any(names[1:]) or any(len(side) > 1 for side in sides[1:])):
        return None
    values = [sides[0][1], *(side[-1] for side in sides[1:])]
    name = str(first) if len({*filter(None, names)}) == 1 else first.head
    return joined([item for value in values for item in read(value)], name)


def _solved(part: Tokens) -> list[list[Tokens]]:
    """Pairs of name and value of ``x = 1``, ``x = y = 1`` and ``x: 1``; ``part`` alone, or its sides, if it is none."""
    if sides := labelled(part, in_list=True):
        return [sides]
    *names, value = split(part, "relation", "=")[0]
    return [[name, value] for name in names] if len(names) > 1 and all(map(read_name, names)) else [[*names, value]]


def labelled(tokens: Tokens, *, in_list: bool = False) -> list[Tokens] | None:
    """Name and value of ``Area: 5``, ``The maximum is 8`` and ``A(1, 2)``, in a list also ``Alice 3``; else None."""
    sides = _mapped(tokens) or _labelled(tokens, in_list)
    return sides if sides and all(sides) and read_name(sides[0]) else None


def _mapped(tokens: Tokens) -> list[Tokens] | None:
    r"""``f(x)`` and ``2x`` of ``f: x \mapsto 2x``; None for anything else."""
    sides, arrows = split(tokens, "command", "mapsto")
    *name, letter = split(sides[0], "sign", ":")[0]
    is_map = len(arrows) == len(letter) == 1 and len(name) < 2 and all(sides)
    return [(*(name[0] if name else (Token("name", "y", "y"),)), OPEN, *letter, CLOSE), sides[1]] if is_map else None


def _labelled(tokens: Tokens, in_list: bool) -> list[Tokens] | None:
    first = tokens[0]
    is_function = first.kind == "function" and has(tokens[1:2], "sign", ":")  # max: 3
    if not (is_function or first.kind in ("word", "name")) or has(tokens, "relation"):
        sides = split(tokens, "sign", ":")[0] if first.kind == "word" else []
        return sides if len(sides) == 2 and has(sides[1], "relation", *"<>", "<=", ">=") else None  # domain: x > 0
    verb = next((index for index, token in enumerate(tokens) if token.word in _VERBS), 0)
    if 0 < verb < len(tokens) - 1:
        return None if tokens[verb + 1].kind == "word" else [tokens[:verb], tokens[verb + 1 :]]
    if first.kind != "name" or first.is_worded or has(tokens[1:3], "word"):  # x-intercept: 2
        sides, signs = split(tokens, "sign", ":")
        if len(signs) == 1:
            return sides
    width = len([*takewhile(lambda token: token.kind == "word", tokens)])
    is_point = tokens[width - 1].word in _POINTS
    if first.kind == "name" and str(first.value).isupper() and first.value != "C":
        is_point, width = True, next((index for index, token in enumerate(tokens) if token.is_("open", "(")), 0)
    name, value = tokens[:width], tokens[width:]
    if is_point and shell(value)[0] == "()" and has(value, "join"):
        return [name, value]
    unsigned = value[has(value[:1], "sign", "-", "pm") :][:1]
    is_behind_word = has_any(unsigned, "open", "infinity", "field") or has(unsigned, "command", "frac", "sqrt")
    is_word = first.is_worded or len(str(first.value)) > 3
    is_behind_word = is_word and (is_behind_word or has(unsigned, "name", "pi"))  # period \pi, range [1, 2]
    is_value = is_behind_word or has_any(unsigned, "number", "money")
    return [name, value] if in_list and name and is_value else None


def enumerated(tokens: Tokens) -> list[Tokens]:
    """``5`` and ``7`` of ``(a) 5 (b) 7`` and ``1) 5; 2) 7``; an empty list where parts are not numbered so."""
    labelled_marks = _marks(tokens)
    for labels in _NUMBERINGS if labelled_marks and labelled_marks[0][0] == 0 else ():
        marks: list[tuple[int, int]] = []
        for start, end, label in labelled_marks:
            if len(marks) < len(labels) and label == labels[len(marks)]:
                marks.append((start, end))
        stops = [*(start for start, _ in marks[1:]), len(tokens)]
        parts = [trimmed(tokens[end:stop]) for (_, end), stop in zip(marks, stops, strict=False)]
        if len(parts) > 1 and marks[0][0] == 0 and all(parts):
            return parts
    return []


def _marks(tokens: Tokens) -> list[tuple[int, int, str | Fraction]]:
    """Start, end and label of each ``(a)`` or ``a)`` that stands outside brackets and behind no sign."""
    marks, depth = [], 0
    for index, token in enumerate(tokens):
        width = 3 if token.is_("open", "(") else 2
        head = tokens[index : index + width]
        is_mark = len(head) == width and head[-1].is_("close", ")") and head[-2].kind in ("number", "name", "word")
        before = tokens[index - 1].kind if index and not tokens[index - 1].is_("sign", "!") else "join"
        if is_mark and depth <= 0 and before not in ("sign", "relation", "function", "command", "open"):
            marks.append((index, index + width, head[-2].value))
        depth = max(0, depth + step(token))
    return marks
