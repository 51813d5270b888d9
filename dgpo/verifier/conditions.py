r"""What an answer says beside its value: ``-4 at x = 2``, ``2k\pi, k \in \mathbb{Z}``, ``2^n for n \ge 1``."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import dropwhile, pairwise

from dgpo.verifier.splitting import opened, shell, split, step, symbols
from dgpo.verifier.tokens import Token, Tokens, has, has_any, vocabulary

PLACES = vocabulary("when whenever where if iff at for with attained achieved since because")
_LEADS = PLACES | {"any"}
_CASES = vocabulary("otherwise else")
_ARTICLES = vocabulary("for where with any all some every is being an a")
_FILLERS = _ARTICLES | vocabulary(
    "if when each real complex positive negative nonnegative nonzero natural integer integers number numbers value"
    " values constant constants of"
)


def split_condition(tokens: Tokens) -> tuple[Tokens, list[str], tuple[str, ...]]:
    r"""The value, letters and condition of ``2^n for n \ge 1``: ``2^n``, ``n``, and ``_ >= 1`` for each letter.

    Without a condition there are no letters. Where the value is taken (``-4 at x = 2``) is left out.
    """
    if not has_any(tokens, "word", "relation"):
        return tokens, [], ()
    tokens = _without_place(tokens)
    for head, clause in _clauses(tokens):
        name, limits = _counted([token for token in clause if token.kind != "join" and token.word not in _ARTICLES])
        if name and name in _names(head):
            return head, [name], limits
    for head, clause in _clauses(tokens):
        value = split(head, "relation", "=")[0][-1]
        core = without_fillers(clause)
        has_words = len(core) < len(clause) and any(token.word for token in clause)
        others: list[str] = []
        while [token.kind for token in core[:3]] == ["name", "join", "name"]:
            others.append(str(core[0].value))
            core = core[2:]
        is_there = {*others} <= _names(head) and _names(core[:1]) & _names(head)
        if _limits(core, has_words) and is_there and _is_formula(head, value):
            name = str(core[0].value)
            limits = tuple("_" if symbol == name else symbol for symbol in symbols(core))
            return opened(head), [*others, name], () if limits in (("_",), ("_", "in", "R")) else limits
    return tokens, [], ()


def _clauses(tokens: Tokens) -> Iterator[tuple[Tokens, Tokens]]:
    """Each way to cut ``tokens`` at a comma, a bracket or a word like ``for`` into the value and what is said of it."""
    for index, token in enumerate(tokens):
        is_cut = token.is_("join", ",", ";", "and") or token.is_("open", "(") or token.word in _LEADS
        if not index or not is_cut:
            continue
        head, clause = tokens[:index], tokens[index + (token.kind in ("join", "open")) :]
        while head and (head[-1].kind == "join" or head[-1].is_("open", "(")):
            head = head[:-1]
        clause = clause[has(clause[:1], "open", "(") :]
        if has(clause[-1:], "close", ")") and not _closes(clause):
            clause = clause[:-1]
        if head and clause and _closes(head):
            yield head, clause


def _counted(clause: Sequence[Token]) -> tuple[str, tuple[str, ...]]:
    r"""``k`` and ``_ is whole`` of ``k \in \mathbb{Z}``, ``_ >= 0`` of ``k = 0, 1, 2, \ldots``; '' for others."""
    written = [str(token.value) for token in clause if token.kind not in ("open", "close")]
    letters = [token for token in clause if token.kind == "name"]
    if not letters or len(written) < 2:
        return "", ()
    numbers = [token.value for token in clause if isinstance(token.value, Fraction)]
    if clause[0] is letters[0] and written[1] == "=" and clause[-1].kind == "dots" and len(numbers) > 1:
        is_each = numbers == [numbers[0] + index for index in range(len(numbers))]  # pyright: ignore[reportOperatorIssue]
        limits = ("_", "is", "whole") if "pm" in written else ("_", ">=", written[2])
        return (written[0], limits) if is_each and {*written[2:-1]} <= {"pm", *map(str, numbers)} else ("", ())
    is_member = clause[0] is letters[0] and clause[1].is_("relation", "in") and written[2:3] in (["Z"], ["N"])
    is_integer = len(written) == 2 and any(token.word in ("integer", "integers") for token in clause)
    if not is_integer and not (is_member and {*written[3:]} <= {*"^_+*"}):
        return "", ()
    is_whole = is_integer or written[2:] == ["Z"]
    return str(letters[0].value), ("_", "is", "whole" if is_whole else "natural")


def without_fillers(clause: Tokens) -> Tokens:
    """``n \\ge 3`` of ``for all integers n \\ge 3``."""
    return tuple(dropwhile(lambda token: token.kind == "join" or token.word in _FILLERS, clause))


def _limits(core: Tokens, has_words: bool) -> bool:
    r"""Whether ``core`` says which numbers a letter stands for: ``n \ge 1``, or ``n`` after words (``all n``)."""
    signs = [token for token in core if token.kind == "relation"]
    if has(core, "join") and not (has(core[1:2], "relation", "in") and shell(core[2:])[0]):
        return False
    return signs[0].value not in ("=", "~", "equiv") if len(signs) == 1 else has_words and len(core) == 1


def _is_formula(head: Tokens, value: Tokens) -> bool:
    """Whether ``head``, whose last side is ``value``, is one value, perhaps named."""
    if has(value, "relation") or split(head, "join")[1]:
        return False
    starts_in_words = has(value[:1], "word") and not value[0].is_run
    return bool(value) and not starts_in_words and (len(value) > 1 or len(value) < len(head))


def _without_place(tokens: Tokens) -> Tokens:
    r"""``6`` of ``6 when x = 5`` and of ``6, with equality iff a = b``; all where the condition is on the value."""
    for head, clause in _clauses(tokens):
        lead = tokens[len(tokens) - len(clause) - 1]
        is_bracketed = tokens[-1].is_("close", ")") and len(split(clause, "relation", "=")[0][0]) == 1  # 12 (x = 3)
        is_bracketed = is_bracketed and clause[0].kind == "name" and head[-1].kind in ("number", "close")
        if not is_bracketed and clause[0].word not in PLACES and lead.word not in PLACES:
            continue
        words = {token.word for token in clause[1:]}
        relation = next((index for index, token in enumerate(clause) if token.kind == "relation"), None)
        has_several = relation is None or any(token.word in PLACES for token in clause[relation:])
        if has_several or words & _CASES or has(clause, "join", "or"):
            return tokens
        is_label = [bool(before.word) and sign.is_("sign", ":") for before, sign in pairwise(head)]
        leads = [index for index, token in enumerate(head) if token.word == "is" or (index and is_label[index - 1])]
        head = head[max(leads, default=-1) + 1 :]
        value = split(head, "relation", "=")[0][-1]
        return tokens if has(value[:1], "word") or _names(clause) & _names(value) else head
    return tokens


def _names(tokens: Sequence[Token]) -> set[str]:
    """The names in ``tokens``, those in products of up to three letters too."""
    products = (str(token.value) for token in tokens if token.kind == "word" and not token.is_worded)
    letters = {letter for product in products if len(product) < 4 for letter in product}  # cx
    return letters | {str(token.value) for token in tokens if token.kind == "name"}


def _closes(tokens: Sequence[Token]) -> bool:
    return sum(map(step, tokens)) == 0
