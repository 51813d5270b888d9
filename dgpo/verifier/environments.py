"""Matrices, functions by cases, and systems of equations as the lists that they are."""

from collections.abc import Callable
from fractions import Fraction

from dgpo.verifier.conditions import without_fillers
from dgpo.verifier.naming import read_name
from dgpo.verifier.spelling import vocabulary
from dgpo.verifier.splitting import split
from dgpo.verifier.tokens import Token, Tokens
from dgpo.verifier.tree import Answer, Grid, Several

Read = Callable[[Tokens], Answer]
_MATRICES = vocabulary("pmatrix bmatrix matrix smallmatrix array Bmatrix cases")
_SYSTEMS = vocabulary("cases aligned align gathered split array")
_IN_A_SCALE = frozenset(("number", "sign", "command", "open", "close", "name"))
_TIMES, _OPEN, _CLOSE = Token("sign", "*", r"\cdot "), Token("open", "(", "("), Token("close", ")", ")")


def read_environment(tokens: Tokens, read: Read) -> Answer | None:
    """A system of equations, or a matrix times the number before it; None for anything else."""
    begins = [index for index, token in enumerate(tokens) if _environment(token, "begin ")]
    if len(begins) != 1:
        return None
    start, end = begins[0], len(tokens) - 1
    kind = _environment(tokens[start], "begin ")
    before = tokens[:start]
    if tokens[end].kind == "close" and before and before[-1].kind == "open":
        before, end = before[:-1], end - 1
    elif before and before[-1].is_("open", r"\{"):
        before = before[:-1]
    if not _environment(tokens[end], "end "):
        return None
    rows = [_trimmed(row) for row in split(tokens[start + 1 : end], lambda token: token.kind == "row")[0] if row]
    if kind in _SYSTEMS and not before and (found := _system(rows, read)):
        return found
    if kind == "cases" and not before and (found := _by_cases(rows, read)):
        return found
    return _grid(before, rows, tokens, read) if kind in _MATRICES and rows else None


def _environment(token: Token, edge: str) -> str:
    """The name of the environment that begins or ends at ``token``, '' for none."""
    value = str(token.value)
    return value.removeprefix(edge) if token.kind == "command" and value.startswith(edge) else ""


def _trimmed(tokens: Tokens) -> Tokens:
    while tokens and (tokens[-1].is_("join", ",", ";") or tokens[-1].is_("sign", ".")):
        tokens = tokens[:-1]
    return tokens


def _system(rows: list[Tokens], read: Read) -> Answer | None:
    """Equations one below the other, each solved for a name, as the list of them."""
    rows = [tuple(token for token in row if token.kind != "cell") for row in rows]
    sides = [split(row, lambda token: token.is_("relation", "="))[0] for row in rows]
    if not rows or not all(len(side) == 2 and read_name(side[0]) for side in sides):
        return None
    if any(token.kind in ("word", "join") for row in rows for token in row):
        return None
    comma = Token("join", ",", ", ")
    return read(tuple(token for row in rows for token in (*row, comma))[:-1])


def _by_cases(rows: list[Tokens], read: Read) -> Answer | None:
    r"""Values, each with its condition, in any order: ``x & \text{if } x \ge 0``."""
    cells = [split(row, lambda token: token.kind == "cell")[0] for row in rows]
    pairs = [[_trimmed(cell) for cell in row] for row in cells]
    conditions = [tuple(token for token in without_fillers(row[-1]) if not token.is_("word", "is")) for row in pairs]
    if not all(len(row) == 2 and row[0] for row in pairs) or not all(conditions):
        return None
    items = zip((row[0] for row in pairs), conditions, strict=True)
    return Several("{}", tuple(Several("()", (read(value), read(condition))) for value, condition in items))


def _grid(before: Tokens, rows: list[Tokens], tokens: Tokens, read: Read) -> Answer | None:
    cells = [[_trimmed(cell) for cell in split(row, lambda token: token.kind == "cell")[0]] for row in rows]
    if not all(cell for row in cells for cell in row) or any(token.kind not in _IN_A_SCALE for token in before):
        return None
    if before and before[-1].is_("sign", "*"):
        before = before[:-1]
    if before and before[-1].is_("sign", "-"):
        before = (*before, Token("number", Fraction(1), "1"))
    if before:
        scale = (_OPEN, *before, _CLOSE, _TIMES, _OPEN)
        cells = [[(*scale, *cell, _CLOSE) for cell in row] for row in cells]
    return Grid(tuple(tuple(map(read, row)) for row in cells), tokens)
