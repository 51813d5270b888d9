r"""Sets and propositions by truth tables: ``A \cup B`` is ``B \cup A``, ``p \to q`` is ``\neg p \lor q``."""

from collections.abc import Callable
from itertools import product

from dgpo.verifier.text.splitting import shell, split, split_where, symbols
from dgpo.verifier.text.tokens import Token, Tokens

MAX_LETTERS = 5
_JOINED: dict[str, tuple[int, Callable[[bool, bool], bool]]] = {
    "iff": (0, lambda left, right: left == right),
    **dict.fromkeys(("to", "implies"), (1, lambda left, right: not left or right)),
    **dict.fromkeys(("or", "cup"), (2, lambda left, right: left or right)),
    "setminus": (2, lambda left, right: left and not right),
    **dict.fromkeys(("and", "cap"), (3, lambda left, right: left and right)),
}
"""How strongly each sign binds two formulas, and when the two together hold."""
_PROPOSITIONS = frozenset("pqr")


class _NoFormula(Exception):
    """The tokens are something else."""


def truth_table(tokens: Tokens) -> tuple[str, ...] | None:
    """``("holds", "p", "q", "0111")`` of ``p \\lor q``; None for no formula, or more than `MAX_LETTERS` letters."""
    names = {token.value for token in tokens if token.kind == "name"}
    if not any(map(_is_sign, tokens)) and not (names and names <= _PROPOSITIONS):
        return None
    world: dict[str, bool] = {}
    try:
        _holds(tokens, world)
    except _NoFormula:
        return None
    letters = sorted(world)
    if len(tokens) < 2 or len(letters) > MAX_LETTERS:
        return None
    worlds = (dict(zip(letters, values, strict=True)) for values in product((False, True), repeat=len(letters)))
    return ("holds", *letters, "".join("01"[_holds(tokens, world)] for world in worlds))


def _is_sign(token: Token) -> bool:
    is_join = token.kind == "join" and token.latex.startswith("\\l")  # \lor, \land
    return is_join or token.is_("sign", "cup", "cap", "setminus") or token.is_("command", "neg", "to", "implies", "iff")


def _holds(tokens: Tokens, world: dict[str, bool]) -> bool:
    """Whether the formula holds in ``world``, which gets a value for each letter that it lacks."""
    brackets, inside = shell(tokens)
    if brackets in ("()", "[]", "braces"):
        return _holds(inside, world)
    parts, cuts = split_where(
        tokens, lambda token: token.value in _JOINED and token.kind in ("sign", "command", "join")
    )
    if cuts:
        levels = [_JOINED[str(cut.value)][0] for cut in cuts]
        weakest = max(index for index, level in enumerate(levels) if level == min(levels))
        place = sum(map(len, parts[: weakest + 1])) + weakest
        left, right = _holds(tokens[:place], world), _holds(tokens[place + 1 :], world)
        return _JOINED[str(cuts[weakest].value)][1](left, right)
    body, powers = split(tokens, "sign", "^")
    if powers and symbols(body[-1]) in (("c",), ("C",)):
        return not _holds(body[0], world)
    if len(tokens) > 1 and tokens[0].is_("command", "neg", "overline"):
        return not _holds(tokens[1:], world)
    if len(tokens) > 1 and tokens[-1].is_("sign", "'"):
        return not _holds(tokens[:-1], world)
    if len(tokens) != 1 or tokens[0].kind != "name":
        raise _NoFormula
    accent, _, letter = str(tokens[0].value).rpartition(" ")
    return world.setdefault(letter, False) != (accent == "overline")
