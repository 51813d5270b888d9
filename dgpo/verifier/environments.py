"""Matrices, and systems of equations as the lists that they are."""

from collections.abc import Callable, Sequence
from fractions import Fraction

from dgpo.verifier.naming import read_name
from dgpo.verifier.splitting import split
from dgpo.verifier.tokens import Token, Tokens
from dgpo.verifier.tree import Answer, Grid

Read = Callable[[Tokens], Answer]
_MATRICES = frozenset("begin " + kind for kind in ("pmatrix", "bmatrix", "matrix", "smallmatrix", "array", "Bmatrix"))
_SYSTEMS = frozenset("begin " + kind for kind in ("cases", "aligned", "align", "gathered", "split", "array"))


def _rows(body: Sequence[Token], is_cell: Callable[[Token], bool]) -> list[list[Tokens]]:
    rows, _ = split(body, lambda token: token.kind == "row")
    return [split(row, is_cell)[0] for row in rows if row]


def _environment(tokens: Tokens, kinds: frozenset[str]) -> tuple[Tokens, Tokens] | None:
    """What stands before the one environment at the end of ``tokens``, and what it holds."""
    starts = [index for index, token in enumerate(tokens) if token.kind == "command" and token.value in kinds]
    begins = [token for token in tokens if token.kind == "command" and str(token.value).startswith("begin ")]
    if len(starts) != 1 or len(begins) != 1:
        return None
    start, end = starts[0], len(tokens) - 1
    if tokens[end].kind == "close" and start and tokens[start - 1].kind == "open":
        end -= 1
        before = tokens[: start - 1]
    else:
        before = tokens[:start]
        if before and before[-1].is_("open", r"\{"):
            before = before[:-1]
    if not (tokens[end].kind == "command" and str(tokens[end].value).startswith("end ")):
        return None
    return before, tokens[start + 1 : end]


def read_system(tokens: Tokens, read: Read) -> Answer | None:
    """Equations one below the other, each solved for a name, as the list of them."""
    found = _environment(tokens, _SYSTEMS)
    if found is None or found[0]:
        return None
    rows = [
        tuple(token for token in row if token.kind != "cell") for row in split(found[1], lambda t: t.kind == "row")[0]
    ]
    rows = [_trimmed(row) for row in rows if row]
    sides = [split(row, lambda token: token.is_("relation", "=")) for row in rows]
    if not rows or not all(len(side) == 2 and read_name(side[0]) for side, _ in sides):
        return None
    if any(token.kind in ("word", "join") for row in rows for token in row):
        return None
    list_of: list[Token] = []
    for row in rows:
        list_of += [*row, Token("join", ",", ", ")]
    return read(tuple(list_of[:-1]))


def _trimmed(tokens: Tokens) -> Tokens:
    while tokens and (tokens[-1].is_("join", ",", ";") or tokens[-1].is_("sign", ".")):
        tokens = tokens[:-1]
    return tokens


def read_grid(tokens: Tokens, read: Read) -> Answer | None:
    """A matrix, times the number before it."""
    found = _environment(tokens, _MATRICES)
    if found is None:
        return None
    before, body = found
    rows = _rows(body, lambda token: token.kind == "cell")
    if not rows or any(not cell for row in rows for cell in row):
        return None
    if before and before[-1].is_("sign", "*"):
        before = before[:-1]
    if any(token.kind not in ("number", "sign", "command", "open", "close", "name") for token in before):
        return None
    minus = (Token("number", Fraction(1), "1"),) if before and before[-1].is_("sign", "-") else ()
    scale = (Token("open", "(", "("), *before, *minus, Token("close", ")", ")")) if before else ()

    def cell(tokens: Tokens) -> Answer:
        if scale:
            tokens = (*scale, Token("sign", "*", r"\cdot "), Token("open", "(", "("), *tokens, Token("close", ")", ")"))
        return read(tokens)

    return Grid(tuple(tuple(map(cell, row)) for row in rows), tokens)
