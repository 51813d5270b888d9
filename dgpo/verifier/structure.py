r"""Answers with parts, taken apart: lists, sets, tuples, matrices, ``\pm``, assignments and chains of equations.

A bare comma list and a set are unordered, a bracketed tuple is ordered, a set is never a tuple.
"""

import re

from dgpo.verifier import conditions
from dgpo.verifier.brackets import shell, split_list, split_outside
from dgpo.verifier.expressions import LETTERS
from dgpo.verifier.normalise import plain
from dgpo.verifier.numeric import parse_number
from dgpo.verifier.units import quantities

_HEDGE = re.compile(r"(?<![A-Za-z\\])(?:or|either|maybe|perhaps|possibly)(?![A-Za-z])|\\(?:lor|vee)(?![A-Za-z])", re.I)
_MANY = re.compile(r"(?<![A-Za-z\\])(?:or|and)(?![A-Za-z])|\\(?:lor|vee|pm|mp|cup|setminus)(?![A-Za-z])|;|^\\\{", re.I)
_JOINT = re.compile(
    r"(?:,? ?(?<![A-Za-z])(?:and|or)(?![A-Za-z])|,? ?\\(?:lor|vee|text ?\{ ?(?:and|or) ?\})|;)(?! ?,)", re.I
)
_ALTERNATIVE = re.compile(r";|(?<![A-Za-z])or(?![A-Za-z])|\\text ?\{ ?or ?\}|\\(?:lor|vee)(?![A-Za-z])")
_GREEK = re.compile(rf"\\(?:{LETTERS}|max|min|sup|inf)(?![A-Za-z])")
_LISTED = re.compile("[,;]")
_SIDES = re.compile(r"(?<![<>!:=\\])=(?!=)|\\(?:approx|simeq|equiv)(?![A-Za-z])")
_SUBSCRIPT = r"(?:_(?:\{[^{}]*(?:\{[^{}]*\})?[^{}]*\}|\w))?'*"
NAME = re.compile(
    rf"(?:\\(?:text|mathrm|mathbf|mathbb|vec|overrightarrow) ?\{{[^{{}}]*\}}|\\?[A-Za-z]+){_SUBSCRIPT}(?:\^\{{-1\}})?"
    rf"(?: ?\([^()=]*(?:=[^()=]*)?\))?|\|[A-Z]\||\\frac ?\{{ ?d\w* ?\}} ?\{{ ?d\w+ ?\}}"
)
"""What stands left of a definition: ``x``, ``x_1``, ``f(x)``, ``P(X = 2)``, ``\\text{Area}``, ``|A|``."""
_NAME_PARTS = re.compile(
    r"(?P<head>\\?[A-Za-z]+)(?:_\{?(?P<index>[^{}]*)\}?)?(?P<mark>'*(?:\^\{-1\})?)(?:\((?P<argument>[^()]*)\))?"
)
_SEGMENT = re.compile("[A-Z]{2,3}")
_NAMES = re.compile(r"\( ?[A-Za-z]\w*(?: ?, ?[A-Za-z]\w*)+ ?\)")
_FUNCTION = re.compile(r"(?:y|[A-Za-z](?:_\{\w+\})? ?\( ?(?P<argument>[A-Za-z]) ?\))")
_IN_WORDS = re.compile(r"(?<![\w{}])\d[^:]* [a-z]{2,} [A-Za-z](?: ?\([^()]*\))?\Z")
"""A value and its place, up to the equals sign: ``maximum 7 when a``. It is no name."""
_MATRIX = re.compile(
    r"[(\[]? ?\\begin ?\{(?P<kind>[pb]?matrix|smallmatrix|array)\} ?(?:\{[lcr|@ ]*\})?(?P<body>.*?)"
    r"\\end ?\{(?P=kind)\} ?[)\]]?",
    re.DOTALL,
)
_SCALE = re.compile(r"-|-?(?:[\w/^. ]|\\frac|\\sqrt|\\pi|[{}]){1,60}")
_MEMBER = re.compile(rf"(?:{_NAMES.pattern}|[A-Za-z]) ?\\in ?(?=\\\{{)")
_SIGNED_BOTH = re.compile(r"\\(?:pm|mp)(?![A-Za-z])")
UNORDERED = frozenset(("", "{}"))
"""The outer brackets (`shell`) of answers whose order does not count."""


def split_domain(text: str) -> tuple[str, str]:
    """`conditions.split_domain` of the cleaned ``text``."""
    value, domain = conditions.split_domain(plain(text)) if conditions.may_have_domain(text) else ("", "")
    return (value, domain) if domain else (text, "")


def items(text: str) -> list[str]:
    r"""The parts of a list: cut at commas, ``and``, ``or`` and ``;``, with ``\pm`` as both signs."""
    return [value for item in split_list(_JOINT.sub(",", text)) for value in both_signs(item)]


def both_signs(text: str) -> list[str]:
    r"""``1 + a, 1 - a`` for ``1 \pm a``; the text alone if it has no such sign."""
    if not _SIGNED_BOTH.search(text):
        return [text]
    upper = re.sub(r"\\mp(?![A-Za-z])", "-", re.sub(r"\\pm(?![A-Za-z])", "+", text))
    lower = re.sub(r"\\mp(?![A-Za-z])", "+", re.sub(r"\\pm(?![A-Za-z])", "-", text))
    return [re.sub(r"(\A|[({,=] ?)\+ ?", r"\1", upper), lower]


def spread(text: str) -> str:
    r"""``(3, 0), (-3, 0)`` of ``(\pm 3, 0)``; of two signs it is not known whether they go together."""
    is_tuple = len(_SIGNED_BOTH.findall(text)) == 1 and shell(text)[0] == "()" and len(split_list(shell(text)[1])) > 1
    return ", ".join(both_signs(text)) if is_tuple else text


def has_many_values(gold: str) -> bool:
    r"""Whether a gold answer asks for several values: a list, a tuple, a set, ``\pm``, ``or``."""
    gold = split_domain(gold)[0]
    return bool(_MANY.search(plain(gold)) or quantities(gold)) or (
        parse_number(gold) is None and len(split_list(shell(gold)[1])) > 1
    )


def is_hedge(answer: str, gold_has_many: bool) -> bool:
    """Whether ``answer`` offers alternatives (``37 or 38``, ``37, 38``) where the gold asks for one value."""
    if gold_has_many:
        return False
    answer = split_domain(answer)[0]
    if _HEDGE.search(plain(answer)):
        return True
    return parse_number(answer) is None and len(split_outside(answer, _LISTED)) > 1


def equation_values(answer: str, gold: str) -> list[str]:
    r"""The sides of ``answer`` that must each equal ``gold``.

    ``x = 5`` answers a gold of ``5`` by its last side; ``3 \cdot 4 = 12`` claims the same of a side without
    variables, so both must be right and ``38 = 37`` is not. Of the steps in ``x = ... = 5`` the last counts. What
    follows ``\approx`` only repeats an exact value.
    Where the gold is an equation itself, or the answer is none, the answer stands whole. ``7 when a = 2``, where it
    cannot be told apart, has no value.
    """
    answer = without_membership(answer)
    value, domain = split_domain(answer)
    if domain and split_domain(gold)[1] in ("", domain):
        answer = value
    sides = split_outside(answer, _SIDES)
    if len(sides) == 1 or assignments(answer) or re.search(r"[<>]|\\(?:[lg]e|ne|in)(?![A-Za-z])", answer):
        return [answer]
    if any(_IN_WORDS.search(plain(side)) for side in sides[:-1]):
        return [""]
    names_something = NAME.fullmatch(sides[0]) or NAME.fullmatch(sides[-1])
    if names_something and _is_solved_for_another(gold, names_something.group()):
        return [answer]
    if _SIDES.search(gold) and not (names_something and gold_value(gold) != gold):
        return [answer]
    exact = answer.split("\\approx")[0]
    if exact != answer and (stated := split_outside(exact, _SIDES)) and not NAME.fullmatch(stated[-1]):
        sides = stated
    if len(sides) == 2 and NAME.fullmatch(sides[1]) and not NAME.fullmatch(sides[0]):
        sides.reverse()
    if len(sides) > 2 and NAME.fullmatch(sides[0]):
        return sides[-1:]
    return [side for side in sides[:-1] if not _has_variable(side)] + [sides[-1]]


def without_membership(text: str) -> str:
    r"""``\{1, 2\}`` of ``x \in \{1, 2\}``."""
    found = _MEMBER.match(text) if "\\in" in text else None
    return text[found.end() :] if found and shell(text[found.end() :])[0] == "{}" else text


def _is_solved_for_another(gold: str, name: str) -> bool:
    """Whether ``gold`` gives another unknown in terms of ``name``, as ``x = y/2`` does for ``y``."""
    first, *others = split_outside(gold, _SIDES)
    is_in = re.compile(rf"(?<![A-Za-z\\]){re.escape(name)}(?![A-Za-z])")
    return len(others) == 1 and bool(NAME.fullmatch(first)) and first != name and bool(is_in.search(others[0]))


def gold_value(gold: str) -> str:
    """``5`` of a gold ``x = 5`` or ``x = 2 + 3 = 5``, without a domain; any other gold unchanged."""
    gold = without_membership(split_domain(gold)[0])
    sides = split_outside(gold, _SIDES)
    if len(sides) > 2 and NAME.fullmatch(sides[0]) and assignments(gold) is None and len(split_list(gold)) == 1:
        return sides[-1]
    if len(sides) != 2:
        return gold
    if NAME.fullmatch(sides[1]) and not NAME.fullmatch(sides[0]):
        sides.reverse()
    return sides[1] if _is_name(sides[0]) else gold


def names_differ(gold: str, answer: str) -> bool:
    """Whether they are named after different things: ``f'(x)`` and ``f(x)``, ``f(2)`` and ``f(3)``, ``x`` and ``y``."""
    named, other = _name(gold), _name(answer)
    if not named or not other or named == other:
        return False
    if named.startswith("(") or other.startswith("("):
        return sorted(named) == sorted(other)  # the same in another order
    if named.startswith("\\frac") or other.startswith("\\frac"):
        return "'" not in named + other  # y' may be dy/dx
    wanted, given = _NAME_PARTS.fullmatch(named), _NAME_PARTS.fullmatch(other)
    if not wanted or not given:
        return False
    one, two = wanted["argument"] or "", given["argument"] or ""
    heads = wanted["head"], given["head"]
    if heads[0] != heads[1]:
        are_unknowns = set(heads) <= set("xyz") and wanted.groups()[1:] == given.groups()[1:]
        are_terms = wanted["index"] and wanted["index"] == given["index"]
        are_lengths = all(map(_SEGMENT.fullmatch, heads)) and sorted(heads[0]) != sorted(heads[1])
        return bool(are_unknowns or are_terms or are_lengths) and not _is_solved_for_another(gold, other)
    are_variables = len(one) == len(two) == 1 and (one + two).islower()
    return (
        wanted["mark"] != given["mark"]
        or bool(wanted["index"] and given["index"] and wanted["index"] != given["index"])
        or bool(one and two and one != two and not are_variables)
    )


def _name(text: str) -> str | None:
    sides = split_outside(text, _SIDES)
    is_named = len(sides) == 2 and _is_name(sides[0])
    return sides[0].replace(" ", "") if is_named else None


def definition(text: str) -> tuple[str, str] | None:
    """``x`` and ``2x+3`` of ``y = 2x+3`` or ``f(x) = 2x+3``; None for anything but the definition of a function."""
    sides = split_outside(text, _SIDES)
    found = _FUNCTION.fullmatch(sides[0]) if len(sides) == 2 else None
    return (found["argument"] or "x", sides[1]) if found else None


def _is_name(side: str) -> bool:
    return bool(NAME.fullmatch(side) or _NAMES.fullmatch(side))


def assignments(text: str) -> list[tuple[str, str]] | None:
    """The pairs of ``x = 1, y = 2`` (or ``x = 1 and y = 2``), None where a part is no assignment or is alone."""
    pairs = [tuple(split_outside(part, _SIDES)) for part in split_list(_JOINT.sub(",", text))]
    if len(pairs) < 2 or not all(len(pair) == 2 and _is_name(pair[0]) for pair in pairs):
        return None
    return [(pair[0].replace(" ", ""), pair[1]) for pair in pairs]


def unnamed(text: str) -> str:
    """A list of assignments as the values alone: unordered for one unknown, a tuple for several."""
    groups = split_outside(text, _ALTERNATIVE)
    if len(groups) > 1 and all(map(assignments, groups)):
        return ", ".join(map(unnamed, groups))
    pairs = assignments(text)
    if pairs is None:
        sides = split_outside(text, _SIDES)
        is_named = len(sides) == 2 and _is_name(sides[0])
        return sides[1] if is_named and len(items(shell(sides[1])[1])) > 1 else text
    letters = {re.split("[_(]", name)[0] for name, _ in pairs}
    inner = ", ".join(value for _, value in pairs)
    return inner if len(letters) == 1 else f"({inner})"


def matrix(text: str) -> list[list[str]] | None:
    """The cells of a matrix by rows, times the number before it; a determinant (``vmatrix``) is no matrix."""
    found = _MATRIX.search(text) if "\\begin" in text else None
    if not found or found.end() < len(text) or "\\begin" in found["body"]:
        return None
    scale = text[: found.start()].removesuffix("\\cdot ").strip()
    if scale and not _SCALE.fullmatch(scale):
        return None
    left, right = (f"{scale}(", ")") if scale else ("", "")
    rows = [row for row in re.split(r"\\\\|\\cr(?![a-z])", found["body"].replace("\\hline", "")) if row.strip()]
    return [[f"{left}{cell.strip()}{right}" for cell in row.split("&")] for row in rows] or None


def _has_variable(side: str) -> bool:
    return bool(_GREEK.search(side) or re.search(r"[A-Za-z]", re.sub(r"\\[A-Za-z]+", "", side)))
