r"""Reads a number or an expression with its unit: ``5 cm``, ``\$1.5 million``, ``12.5\%``, ``52_8``."""

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from operator import or_

from dgpo.verifier.expressions.algebra import parse
from dgpo.verifier.expressions.arithmetic import exact
from dgpo.verifier.expressions.tree import ABOVE, BELOW, Node, Opaque, Ratio, Several, Statement, Value, names, product
from dgpo.verifier.expressions.units import BASE, MAX_UNIT, read_unit
from dgpo.verifier.text.numerals import MAGNITUDES, read_words
from dgpo.verifier.text.spelling import TRIGONOMETRIC
from dgpo.verifier.text.splitting import opened, shell, split, split_where, step, symbols, trimmed
from dgpo.verifier.text.tokens import MINUS, Token, Tokens, has, has_any, latex, vocabulary

_ANGLES = ("alpha", "beta", "gamma", "theta", "phi", *"ABC")
_SHAPES = {"number": "1", "name": "a"}
_SUM = re.compile(r"[+-]?(?:[1a]|frac\{1\}\{1\})(?:[-+*/^](?:[1a]|frac\{1\}\{1\}))*")
_OF_ANGLES = {"degrees": "degree", "minutes": "'", "seconds": "''"}
_HALVES = {"am": "am inthemorning midnight", "pm": "pm intheafternoon intheevening noon"}
_CURRENCIES = {"USD": "$", "US": "$", "Rs": "₹", "INR": "₹"}


def read_scalar(tokens: Tokens) -> Ratio | Value | Several | Statement:
    """A ratio (``3:4``, ``3 to 4``), a time (``10:30 a.m.``) or a value."""
    parts, cuts = split_where(tokens, lambda token: token.is_("sign", ":") or token.is_("word", "to"))
    if has(cuts[:1], "word") and not all(len(part) == 1 and part[0].kind == "number" for part in parts):
        parts = [tokens]
    if not all(parts):
        return read_value(tokens)
    *others, last = parts
    half = "".join(str(token.value).lower() for token in last[1:] if token.value != ".")
    half = next((name for name, spellings in _HALVES.items() if half in spellings.split()), "")
    terms = [read_value(part) for part in (*others, last[:1] if half else last)]
    if half and not others:
        terms.append(Value(Fraction(0), ()))  # 8 am
    if len(terms) == 1:
        return terms[0]
    values = tuple(term for term in terms if isinstance(term, Value) and not term.is_opaque)
    return Ratio(values, half) if len(values) == len(terms) else statement(tokens)


def read_sum(tokens: Tokens) -> Value | None:
    r"""The value of ``7``, ``-3``, ``\frac{1}{2}`` or ``x + 1``: numbers and letters with signs between them, as most
    answers are; None for any other.
    """
    if len(tokens) == 1 and isinstance(number := tokens[0].value, Fraction):
        return Value(number, tokens)
    shape = "".join([_SHAPES.get(token.kind) or str(token.value) for token in tokens])
    node = parse(tokens) if _SUM.fullmatch(shape) else None
    return None if node is None else _value(node, tokens, "")


@lru_cache(maxsize=8192)
def read_value(tokens: Tokens) -> Value | Several | Statement:
    """The value of ``tokens``; a `Statement` where they have words that are no unit."""
    tokens = opened(tokens)
    if has(tokens[:1], "word", "minus", "negative") and (has(tokens, "number") or in_words(tokens[1:])):
        tokens = (MINUS, *tokens[1:])
    is_signed = has(tokens[:1], "sign", "+", "-")
    if [token.kind for token in tokens[is_signed:]] == ["infinity"]:
        return replace(BELOW if tokens[0].value == "-" else ABOVE, tokens=tokens)
    if [token.kind for token in tokens] == ["empty"]:
        return Several("{}", ())
    currency, tokens = _currency(tokens)
    if (based := _in_base(tokens)) is not None:
        return based
    if (number := in_words(tokens)) is not None:
        return Value(number, tokens, currency)
    if (angles := _minutes(tokens) or _sum_of_angles(tokens)) is not None:
        return angles
    for start in range(max(1, len(tokens) - MAX_UNIT), len(tokens)):
        if _may_start_unit(tokens, start) and (value := _with_unit(tokens, start, currency)) is not None:
            return value
    node = parse(tokens)
    if node is None and (words := statement(tokens)).is_words:
        return words
    return _value(node, tokens, currency)


def _value(node: Node | None, tokens: Tokens, unit: str) -> Value:
    return Value(Opaque(symbols(tokens)) if node is None else node, tokens, unit)


def _currency(tokens: Tokens) -> tuple[str, Tokens]:
    r"""The unit of ``\$5``, ``-\$5`` or ``Rs. 5``, and the tokens without it; '' and all tokens where there is none."""
    sign = tokens[:1] if tokens and tokens[0].is_("sign", "+", "-") else ()
    rest = tokens[len(sign) :]
    if len(rest) > 1 and (rest[0].kind == "money" or (rest[0].kind == "word" and str(rest[0].value) in _CURRENCIES)):
        unit = _CURRENCIES.get(str(rest[0].value), str(rest[0].value))
        rest = rest[1:]
        if rest[0].is_("sign", ".") or (rest[0].kind == "money" and len(rest) > 1):
            rest = rest[1:]
        return unit, (*sign, *rest)
    return "", tokens


def _in_base(tokens: Tokens) -> Value | None:
    r"""The value of ``52_8``, ``(101)_2``, ``2A_{16}`` or ``101\text{ (base 2)}``; None for anything else."""
    places = [index for index, token in enumerate(tokens) if token.is_("sign", "_") or token.word == "base"]
    if len(places) != 1 or not 0 < places[0] < len(tokens) - 1:
        return None
    digits, script = tokens[: places[0]], tokens[places[0] + 1 :]
    if digits[-1].is_("open", "(") and script[-1].is_("close", ")"):
        digits, script = digits[:-1], script[:-1]
    digits = digits[:-1] if has(digits[-1:], "word", "in") else digits
    digits, script = _unwrapped(digits), _unwrapped(script)
    written = "".join(latex((token,)) if token.kind == "number" else str(token.value) for token in digits)
    if not written[:1].isalnum() or not has(digits, "number") or not written.replace(".", "").isalnum():
        return None
    base = str(script[0].value) if len(script) == 1 and script[0].kind in ("number", "word") else ""
    number = base if base.isdigit() else str(read_words(base) or "")
    if not number:
        return None
    unit = "" if number == "10" else f"{BASE}{number}"
    node: Node = Fraction(written) if written.replace(".", "", 1).isdigit() else written.upper()
    return Value(node, tokens, unit)


def _unwrapped(tokens: Tokens) -> Tokens:
    brackets, inside = shell(opened(tokens))
    return _unwrapped(inside) if brackets == "()" else inside


def in_words(tokens: Tokens) -> Fraction | None:
    """42 of ``forty-two``, None for other words."""
    articles = [token.is_("name", "a") and token.is_worded for token in tokens]  # one and a half
    are_words = (token.kind == "word" or token.is_("sign", "-") or token.is_("join", "and") for token in tokens)
    if not all(map(or_, articles, are_words)):
        return None
    number = read_words(" ".join(str(token.value) for token in tokens if token.kind != "sign"))
    return None if number is None else Fraction(-number if tokens[0].kind == "sign" else number)


def _minutes(tokens: Tokens) -> Value | None:
    r"""``22.5`` degrees of ``22^\circ 30'``, with seconds too; None for anything else."""
    kinds = "".join(
        _OF_ANGLES.get(token.word) or (str(token.value) if token.kind in ("degree", "sign") else token.kind)
        for token in tokens
    )
    if kinds not in ("numberdegreenumber'", "numberdegreenumber'number''"):
        return None
    parts = (Fraction(token.value) for token in tokens if token.kind == "number")
    return Value(sum((part / 60**place for place, part in enumerate(parts)), Fraction(0)), (), "degree")


def _sum_of_angles(tokens: Tokens) -> Value | None:
    r"""``30^\circ + 360^\circ k``, ``180^\circ k``, ``90^\circ - \alpha`` and ``\frac{360^\circ}{5}`` in degrees; None
    where a number has no sign of degrees.
    """
    terms = [term for term in split(tokens, "sign", "+", "-")[0] if term]
    is_sum = len(terms) > 1 or has(tokens[-1:], "close", "}") or has(tokens[-1:], "name", *"kn")
    counts = [[token.kind for token in term].count("degree") or -has(term, "name", *_ANGLES) for term in terms]
    if not is_sum or not {1} <= {*counts} <= {1, -1}:
        return None
    body = tuple(token for token in tokens if token.kind != "degree")
    node = None if has(tokens, "function") else parse(body)
    return None if node is None else Value(node, body, "degree")


def _may_start_unit(tokens: Tokens, start: int) -> bool:
    """Whether a unit may begin at ``start``, by the kinds of that token and the one before."""
    token, before, rest = tokens[start], tokens[start - 1], tokens[start:]
    if before.kind in ("sign", "function", "command", "open", "join") and not before.is_("sign", "!"):
        return False
    match token.kind:
        case "degree" | "percent" | "money":
            return True
        case "word":
            is_article = before.is_("name", "a", "A") and before.is_worded  # a circle
            is_of_letters = before.kind == "name" and before.value != "pi"
            return not is_of_letters or (token.is_worded and not is_article)
        case "name":
            is_vector = str(token.value).startswith("unit ")
            return token.is_worded or (token.is_spaced and not is_vector) or token.value in ("Omega", "mu")
        case "sign" if token.value == "/":
            return has(rest[1:2], "word") and not rest[1].is_product
        case "sign":
            return token.value == "'" and before.kind == "number"
        case "command":
            return token.value in ("mod", "pmod") or (token.value == "frac" and any(part.is_worded for part in rest))
        case "open":
            has_name = has(rest, "word") or has(rest, "command", "mod") or any(part.is_worded for part in rest)
            return token.value == "(" and has_name
        case _:
            return False


def _with_unit(tokens: Tokens, start: int, currency: str) -> Value | None:
    """The value of ``tokens`` with the unit that begins at ``start``; None where that is no unit."""
    body, rest = opened(tokens[:start]), tokens[start:]
    number = in_words(body) if has(body, "word") else None
    has_words = number is None and has(body, "word")
    if sum(map(step, body)) or (has_words and not rest[0].is_worded):
        return None
    scale = MAGNITUDES.get(rest[0].word, 1)
    rest = rest[scale > 1 :]
    unit = _rate(rest, currency) if rest else ""
    if unit is None or _is_of_last_term(unit, body):
        return None
    node = parse(body) if number is None else number
    if _is_factor(rest, body, node):
        return None
    if node is None:
        is_named = unit and not has_words and not has_any(body, "relation", "join", "dots")
        return _value(None, body, unit) if is_named else None
    is_operator = has(rest[:1], "word", "mod") or has(rest[:1], "command", "mod")  # 5 \\bmod 3 is 2
    modulus = unit.removeprefix("mod ") if is_operator else ""
    if modulus.isdigit() and int(modulus) and (number := exact(node)) is not None:
        node = number % int(modulus)
    if scale > 1:
        node = node * scale if isinstance(node, Fraction) else product(node, Fraction(scale))
    return _value(node, body, unit or currency)


def _rate(tokens: Tokens, currency: str) -> str | None:
    r"""The unit that ``tokens`` are, of ``currency`` in ``\$4 per pound``; None where they are no unit."""
    is_rate = currency and (has(tokens[:1], "word", "per") or has(tokens[:1], "sign", "/"))
    return read_unit((Token("money", currency, currency, is_spaced=True), *tokens) if is_rate else tokens)


def _is_of_last_term(unit: str, body: Tokens) -> bool:
    r"""Whether a sign belongs to the end of ``body`` alone: ``\sin 30^\circ``, ``1 + 20\%``."""
    if unit == "degree":
        return has(body, "function", *TRIGONOMETRIC)
    return unit == "%" and bool(split(body[1:], "sign", "+", "-")[1])


def _is_factor(rest: Tokens, body: Tokens, node: Node | None) -> bool:
    r"""Whether ``rest`` begins with a letter that multiplies ``body``, whose value is ``node``, and is no unit:
    ``2 k A`` and ``0.5 k A^2``, but not ``3 \times 10^5 J``.
    """
    if isinstance(node, Fraction) or not has(rest[:1], "name") or any(token.is_worded for token in rest):
        return False
    is_scientific = has(body, "sign", "*") and has(body, "sign", "^")
    return (len(rest) == 1 and not is_scientific) or (node is not None and bool(names(node)))


def side_by_side(tokens: Tokens) -> list[Tokens] | None:
    r"""``2 h`` and ``30 min`` of ``2\text{ hours and }30\text{ minutes}``, each with a unit; None for anything else."""
    starts = [index for index, token in enumerate(tokens) if token.kind == "number"]
    inside = [index for index in starts if index and tokens[index - 1].kind in ("sign", "open", "command")]
    starts = [index for index in starts if index not in inside or tokens[index - 1].value == "'"]
    if len(starts) < 2 or starts[0] or has(tokens, "relation") or _minutes(tokens):
        return None
    parts = []
    for start, end in zip(starts, [*starts[1:], len(tokens)], strict=True):
        part = trimmed(tokens[start:end])
        unit = tuple(replace(token, is_spaced=True) for token in part[1:2]) + part[2:]
        if not unit or has(unit, "join") or not read_unit(unit):
            return None
        parts.append((part[0], *unit))
    return parts


_CALCULUS = vocabulary(
    "frac binom sqrt over choose int iint iiint oint sum prod partial nabla mod pmod begin end not det to"
)
_FILLERS = vocabulary("all every any each the an it is are that")


def is_prose(tokens: Sequence[Token]) -> bool:
    """Whether there are words, signs beyond calculus, a number behind a letter or a number, or an infinity that is no
    limit: two such texts differ where they are written differently.
    """
    is_bound = has(tokens, "command", "int", "sum", "prod") or has(tokens, "function", "lim")
    if has(tokens, "infinity") and not is_bound:
        return True
    for before, token in zip((None, *tokens), tokens, strict=False):
        if token.kind == "word" and not token.is_product:
            return True
        if token.kind == "command" and str(token.value).split()[0] not in _CALCULUS:
            return True
        is_worded_name = token.kind == "name" and token.is_worded and token.value not in ("d", "e", "i")
        if is_worded_name or token.kind in ("row", "cell", "dots", "money"):
            return True
        if token.kind == "number" and before is not None and before.kind in ("name", "number", "word"):
            return True
    return False


def statement(tokens: Tokens) -> Statement:
    """``tokens`` as words, compared by their symbols, or as a relation."""
    spelling = symbols(tokens)
    is_words = is_prose(tokens) and not any(str(token.value).startswith("begin") for token in tokens)
    if is_words:
        spelling = tuple(symbol.lower() for symbol in spelling if symbol.lower() not in _FILLERS)
        spelling = spelling[1:] if tokens[0].is_("name", "a", "A") and tokens[0].is_worded else spelling
    return Statement(spelling, tokens, is_words)
