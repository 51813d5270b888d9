r"""What an answer says beside its value: ``-4 at x = 2``, ``2k\pi, k \in \mathbb{Z}``, ``2^n for n \ge 1``."""

from collections.abc import Sequence
from dataclasses import replace

from dgpo.verifier.spelling import vocabulary
from dgpo.verifier.splitting import opened, shell, split, step, symbols
from dgpo.verifier.tokens import Token, Tokens

MAX_CLAUSE = 16
"""Tokens of a clause that says that a letter counts."""
_PLACES = vocabulary("when whenever where if iff at for with attained achieved since because")
_OTHERWISE = vocabulary("otherwise else")
_DOMAIN_WORDS = vocabulary(
    "for if when where with all any every each some real complex positive negative nonnegative nonzero natural integer"
    " integers number numbers value values constant constants of is an a being"
)


def split_condition(tokens: Tokens) -> tuple[Tokens, tuple[str, ...]]:
    """The value of ``tokens``, and the condition under which it holds; () for none.

    What says where the value is taken, or that a letter counts, is left out.
    """
    if not any(token.kind in ("word", "relation") for token in tokens):
        return tokens, ()
    tokens = _without_place(tokens)
    tokens = without_counter(tokens)
    return _split_domain(tokens)


def _lower(token: Token) -> str:
    return str(token.value).lower() if token.kind == "word" else ""


def _names(tokens: Sequence[Token]) -> set[str]:
    return {str(token.value) for token in tokens if token.kind == "name"}


def _closes(tokens: Sequence[Token]) -> bool:
    return sum(map(step, tokens)) == 0


def _head(tokens: Tokens) -> Tokens:
    """What stands before a condition, without the bracket or comma that opens it."""
    while tokens and (tokens[-1].kind == "join" or tokens[-1].is_("open", "(")):
        tokens = tokens[:-1]
    return tokens


def _without_place(tokens: Tokens) -> Tokens:
    r"""``6`` of ``6 when x = 5`` and of ``6, with equality iff a = b``; all where another letter has the condition."""
    if tokens[-1].is_("close", ")"):  # 12 (x = 3)
        for start in range(len(tokens) - 3, 0, -1):
            if tokens[start].is_("open", "(") and shell(tokens[start:])[0] == "()":
                inside = shell(tokens[start:])[1]
                sides = split(inside, lambda token: token.is_("relation", "="))[0]
                is_place = len(sides) == 2 and len(sides[0]) == 1 and sides[0][0].kind == "name"
                if is_place and tokens[start - 1].kind in ("number", "close"):
                    return tokens[:start]
                break
    found = next((index for index, token in enumerate(tokens) if _lower(token) in _PLACES), 0)
    if not found or any(token.kind == "command" and str(token.value).startswith("begin") for token in tokens):
        return tokens
    tail = tokens[found + 1 :]
    relation = next((index for index, token in enumerate(tail) if token.kind == "relation"), None)
    if relation is None or any(_lower(token) in _OTHERWISE or token.is_("join", "or") for token in tail):
        return tokens
    if any(_lower(token) in _PLACES for token in tail[relation:]):
        return tokens  # several values, each with its condition
    head = _head(tokens[:found])
    said = max(
        (index for index, token in enumerate(head) if _lower(token) == "is" or _is_label(head, index)), default=-1
    )
    head = head[said + 1 :]
    sides, _ = split(head, lambda token: token.is_("relation", "="))
    value = sides[-1]
    starts_in_words = bool(value) and value[0].kind == "word" and not value[0].value.isdigit()  # pyright: ignore
    if not value or starts_in_words or not _closes(head) or _names(tail) & _names(value):
        return tokens
    return head


def _is_label(tokens: Tokens, index: int) -> bool:
    return index > 0 and tokens[index].is_("sign", ":") and tokens[index - 1].kind == "word"


def without_counter(tokens: Tokens) -> Tokens:
    r"""``2k\pi`` of ``2n\pi, n \in \mathbb{Z}``, if the letter does count something there."""
    found = _counter(tokens)
    if found is None:
        return tokens
    start, name, is_natural = found
    counted = _head(tokens[:start])
    sides, _ = split(counted, lambda token: token.is_("relation", "="))
    if name not in _names(counted) or not _closes(counted):
        return tokens
    is_index = is_natural and (len(sides) == 1 or name in _names(sides[0]))
    if is_index:
        return counted
    first = len(sides[0]) + 1 if len(sides) == 2 else 0
    return (*counted[:first], *(_renamed(token, name, "k") for token in counted[first:]))


def _renamed(token: Token, name: str, new: str) -> Token:
    return replace(token, value=new, latex=new) if token.kind == "name" and token.value == name else token


def _counter(tokens: Tokens) -> tuple[int, str, bool] | None:
    """Where a clause begins that says that a letter is whole, the letter, and whether it is a natural number."""
    for start in range(max(1, len(tokens) - MAX_CLAUSE), len(tokens)):
        token = tokens[start]
        if not (
            token.kind == "join"
            or token.is_("open", "(")
            or _lower(token) in ("where", "for", "with", "any")
            or token.kind == "name"
        ):
            continue
        clause = [
            each
            for each in tokens[start:]
            if not (
                each.kind == "join"
                or _lower(each) in ("where", "for", "with", "any", "all", "some", "every", "is", "being", "an", "a")
            )
        ]
        if clause and clause[0].is_("open", "("):
            clause = clause[1:]
        if clause and clause[-1].is_("close", ")") and not _closes(clause):
            clause = clause[:-1]
        written = [str(each.value) for each in clause if each.kind != "open" and each.kind != "close"]
        if len(clause) < 2:
            continue
        is_member = clause[0].kind == "name" and clause[1].is_("relation", "in") and written[2:3] in (["Z"], ["N"])
        if is_member and all(mark in "^_+*" for mark in written[3:]):
            return start, written[0], written[2] == "N"
        if clause[0].kind == "name" and _lower(clause[1]) == "integer" and len(clause) == 2:
            return start, written[0], False
        if _lower(clause[0]) in ("integer", "integers") and clause[1].kind == "name" and len(clause) == 2:
            return start, written[1], False
    return None


def _split_domain(tokens: Tokens) -> tuple[Tokens, tuple[str, ...]]:
    r"""``2^n`` and ``n >= 1`` of ``2^n, n \ge 1``: a formula and where it holds."""
    leads = [
        index
        for index, token in enumerate(tokens)
        if index
        and (
            token.is_("join", ",", ";")
            or token.is_("open", "(")
            or _lower(token) in ("for", "if", "when", "where", "with")
        )
    ]
    for lead in leads[-4:]:
        head, clause = _head(tokens[:lead]), tokens[lead:]
        if clause[-1].is_("close", ")") and not _closes(clause):
            clause = clause[:-1]
        if clause[0].is_("open", "(") and _closes(clause):
            clause = clause[1:-1]
        elif clause[0].kind in ("join", "open"):
            clause = clause[1:]
        words = []
        while clause and (clause[0].kind == "join" or _lower(clause[0]) in _DOMAIN_WORDS):
            words.append(_lower(clause[0]))
            clause = clause[1:]
        if not clause or clause[0].kind != "name" or clause[0].value not in _names(head) or not head:
            continue
        signs = split(clause, lambda token: token.kind == "relation")[1]
        relations = [str(sign.value) for sign in signs]
        if not (relations and len(relations) == 1 and relations[0] in ("<", ">", "<=", ">=", "!=", "in")) and not (
            not relations and any(words) and len(clause) == 1
        ):
            continue
        if any(token.kind == "join" for token in clause):
            continue
        value = split(head, lambda token: token.is_("relation", "="))[0][-1]
        is_formula = _closes(head) and not any(token.kind == "relation" for token in value)
        is_formula = is_formula and not split(head, lambda token: token.kind == "join")[1]
        if is_formula and value and value[0].kind != "word" and (len(value) > 1 or len(value) < len(head)):
            return opened(head), symbols(clause)
    return tokens, ()
