r"""Sums of vectors as one: ``(1, 0, 2) + t(1, 1, -1)`` is ``(1+t, t, 2-t)``, and ``\frac13(2, 1)`` is a vector."""

from dgpo.verifier.splitting import shell, split, step
from dgpo.verifier.tokens import Token, Tokens

_TIMES, _PLUS = Token("sign", "*", r"\cdot "), Token("sign", "+", "+")
_COLUMNS = frozenset(f"begin {kind}" for kind in ("pmatrix", "bmatrix", "matrix"))
_IN_A_SCALE = frozenset(("number", "name", "command", "open", "close"))
_OPEN, _CLOSE = Token("open", "(", "("), Token("close", ")", ")")


def in_brackets(tokens: Tokens) -> Tokens:
    return (_OPEN, *tokens, _CLOSE)


def scaled(scale: Tokens, tokens: Tokens) -> Tokens:
    return (*in_brackets(scale), _TIMES, *in_brackets(tokens)) if scale else tokens


def vector_sum(tokens: Tokens) -> list[Tokens] | None:
    """The components of a sum or a multiple of vectors; None for anything else."""
    terms, signs = split(tokens, lambda token: token.is_("sign", "+", "-"))
    if not terms[0]:
        return None
    vectors = [_multiple(term) for term in terms]
    first = vectors[0]
    if first is None or (not signs and (not first[0] or any(token.kind == "name" for token in first[0]))):
        return None
    if any(vector is None or len(vector[1]) != len(first[1]) for vector in vectors):
        return None
    sums: list[Tokens] = [()] * len(first[1])
    for sign, vector in zip((_PLUS, *signs), vectors, strict=True):
        scale, parts = vector or ((), [])
        sums = [(*total, sign, *in_brackets(scaled(scale, part))) for total, part in zip(sums, parts, strict=True)]
    return sums


def _multiple(tokens: Tokens) -> tuple[Tokens, list[Tokens]] | None:
    """``t`` and the components of ``t(1, 1, -1)``, also of a column."""
    depth, start = step(tokens[-1]) if tokens else 0, len(tokens) - 1
    while depth and start:
        start -= 1
        depth += step(tokens[start])
    if depth or not tokens:
        return None
    inside = tokens[start + 1 : -1]
    if shell(tokens[start:])[0] == "()":
        parts = split(inside, lambda token: token.is_("join", ","))[0]
    elif str(tokens[start].value) in _COLUMNS and not any(token.kind == "cell" for token in inside):
        parts = split(inside, lambda token: token.kind == "row")[0]
    else:
        return None
    scale = tokens[:start]
    scale = scale[:-1] if scale and scale[-1].is_("sign", "*") else scale
    is_scale = all(token.kind in _IN_A_SCALE or token.is_("sign", "/", "*") for token in scale)
    return (scale, parts) if is_scale and len(parts) > 1 and all(parts) else None
