"""Cuts tokens where no bracket is open, and takes brackets off them."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import accumulate

from dgpo.verifier.text.tokens import COMMA, Kind, Token, Tokens, has, renamed

_SHELLS = {"()": "()", "[]": "[]", "(]": "(]", "[)": "[)", r"\{\}": "{}", "{}": "braces"}


def step(token: Token) -> int:
    """1 for a token that opens a bracket or an environment, -1 for one that closes it, else 0."""
    if token.kind == "open" or (token.kind == "command" and str(token.value).startswith("begin ")):
        return 1
    return -1 if token.kind == "close" or (token.kind == "command" and str(token.value).startswith("end ")) else 0


def group_end(tokens: Sequence[Token], start: int) -> int:
    """The index behind the group that opens at ``start``, or behind the one symbol there."""
    depth = 0
    for index in range(start, len(tokens)):
        depth += step(tokens[index])
        if depth <= 0:
            return index + 1
    return start + 1


def split(tokens: Sequence[Token], kind: Kind, *values: str) -> tuple[list[Tokens], list[Token]]:
    """``tokens`` cut at those of a kind that are outside brackets and environments, and the cuts."""
    if not has(tokens, kind, *values):
        return [tuple(tokens)], []
    return split_where(tokens, lambda token: token.is_(kind, *values))


def split_where(tokens: Sequence[Token], is_cut: Callable[[Token], bool]) -> tuple[list[Tokens], list[Token]]:
    """As `split`, at the tokens for which ``is_cut``."""
    parts: list[Tokens] = []
    cuts: list[Token] = []
    start = depth = 0
    for index, token in enumerate(tokens):
        if depth == 0 and is_cut(token):
            parts.append(tuple(tokens[start:index]))
            cuts.append(token)
            start = index + 1
        depth += step(token)
    return [*parts, tuple(tokens[start:])], cuts


def split_at_bar(tokens: Sequence[Token]) -> tuple[list[Tokens], list[Token]]:
    r"""What stands in the braces of a set, cut where its condition begins: ``x \mid x > 2``, ``x : x > 2``."""
    return split_where(tokens, lambda token: token.kind == "bar" or token.is_("sign", ":"))


def shell(tokens: Sequence[Token]) -> tuple[str, Tokens]:
    """The outer brackets of ``tokens`` ("{}", "()", "[)", ..., "braces" of a group, "" for none) and what they hold."""
    brackets = ""
    if len(tokens) > 1 and tokens[0].kind == "open" and 0 not in accumulate(map(step, tokens[:-1])):
        brackets = _SHELLS.get(f"{tokens[0].value}{tokens[-1].value}", "")
    return (brackets, tuple(tokens[1:-1])) if brackets else ("", tuple(tokens))


def trimmed(tokens: Tokens) -> Tokens:
    """``tokens`` without the punctuation at their end."""
    while tokens and (tokens[-1].kind in ("join", "dots", "row") or tokens[-1].is_("sign", ".")):
        tokens = tokens[:-1]
    return tokens


def separated(tokens: Tokens) -> Tokens:
    """The tokens of a list, with ``1,234`` as 1 and 234; unchanged where the commas between parts have spaces."""
    if not any(token.groups for token in tokens):
        return tokens
    parts, _ = split(tokens, "join", ",", ";")
    if len(parts) > 1 and all(part and part[0].is_spaced for part in parts[1:]):
        return tokens
    apart: list[Token] = []
    for token in tokens:
        numbers = [(Token("number", Fraction(int(group)), group),) for group in token.groups]
        apart += in_a_list(numbers) if numbers else (token,)
    return tuple(apart)


def with_both_signs(tokens: Tokens) -> list[Tokens]:
    r"""``1 + a`` and ``1 - a`` of ``1 \pm a``."""
    return [renamed(tokens, new, "sign") for new in ({"pm": "+", "mp": "-"}, {"pm": "-", "mp": "+"})]


def without_lone_braces(tokens: list[Token]) -> list[Token]:
    r"""``\begin{array}...`` of ``\left\{\begin{array}...\end{array}\right.``, where nothing closes the brace."""

    def is_lone(index: int) -> bool:
        is_before_array = any(token.latex.startswith(r"\begin") for token in tokens[index + 1 : index + 2])
        return is_before_array and not tokens[group_end(tokens, index) - 1].is_("close", r"\}")

    return [token for index, token in enumerate(tokens) if not (token.is_("open", r"\{") and is_lone(index))]


def in_a_list(parts: Sequence[Tokens]) -> Tokens:
    """``parts`` with commas between them."""
    return tuple(token for part in parts for token in (*part, COMMA))[:-1]


def opened(tokens: Sequence[Token]) -> Tokens:
    """``tokens`` without the braces of groups around all of them."""
    while tokens and tokens[0].value == "{" and (held := shell(tokens))[0] == "braces":
        tokens = held[1]
    return tuple(tokens)


def symbols(tokens: Sequence[Token]) -> tuple[str, ...]:
    """``tokens`` as strings that are the same for two spellings: no braces around one symbol, words in lower case."""
    found: list[str] = []
    for index, token in enumerate(tokens):
        is_opening = token.value == "{" and has(tokens[index + 2 : index + 3], "close", "}")
        is_closing = token.value == "}" and index > 1 and tokens[index - 2].value == "{"
        if not is_opening and not is_closing:
            found.append(_symbol(token))
    return tuple(found)


def _symbol(token: Token) -> str:
    value = str(token.value)
    if token.kind == "word":
        return value.lower() if len(value) > 3 else value
    if token.kind in ("open", "close"):
        return f"{token.kind[0]}{value}"
    return token.latex.strip() if value == "*" else value


def plain(tokens: Sequence[Token]) -> str:
    """``tokens`` as a person would type them."""
    text = ""
    for token in tokens:
        is_long = len(str(token.value)) > 1
        is_latex = token.kind in ("number", "empty", "command", "function", *(("name", "sign") if is_long else ()))
        shown = token.latex if is_latex else str(token.value)
        is_behind_letters = token.kind == "word" and text[-1:].isalnum()
        is_apart = token.is_spaced or is_behind_letters or (token.kind == "join" and is_long)
        text += (" " if text and is_apart else "") + shown
    return text
