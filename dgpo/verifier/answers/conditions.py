r"""What an answer says beside its value: ``-4 at x = 2``, ``2k\pi, k \in \mathbb{Z}``, ``2^n for n \ge 1``."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, dropwhile, pairwise

from dgpo.verifier.answers.naming import PLACES
from dgpo.verifier.answers.number_sets import number_set, spoken_set
from dgpo.verifier.answers.regions import REAL, REALS, WHOLE, Read, among, excludes, read_inequality
from dgpo.verifier.expressions.tree import Region
from dgpo.verifier.text.splitting import opened, shell, split, step
from dgpo.verifier.text.tokens import END, Token, Tokens, has, has_any, vocabulary

_REASONS = vocabulary("since because by rejecting discarding")
_LEADS = PLACES | {"any"}
_ARTICLES = vocabulary(
    "for where with any all some every is being an a are be each both fixed arbitrary if when number numbers value"
    " values constant constants scalar of"
)
_FILLERS = _ARTICLES | vocabulary(
    "real reals complex positive negative nonnegative nonzero natural integer integers the"
)
_ROUNDINGS = vocabulary("~ rounded nearest significant decimal sf dp f p")
_REMARKS = _ROUNDINGS | vocabulary(
    "with of double triple repeated root multiplicity to the correct figures digits places place one two three s d ."
)
_DIRECTIONS = vocabulary("to toward towards due into out directed upward upwards downward downwards")
WHEN = vocabulary("if when whenever for")
OTHERWISE = vocabulary("otherwise else")
_SUCH = vocabulary("such that satisfying with where")
MAX_SAID = 12
"""The most letters and conditions of one clause, which is read behind every comma before it."""


def split_condition(tokens: Tokens, read: Read) -> tuple[Tokens, dict[str, Region]]:
    r"""The value of ``2^n for n \ge 1``, and the numbers that its letters may be; none without a condition.

    Where the value is taken (``-4 at x = 2``) is left out.
    """
    if not has_any(tokens, "word", "relation"):
        return tokens, {}
    parts = [part for part in split(tokens, "join")[0] if part and part[0].word not in PLACES]
    if sum(any(token.word in WHEN for token in part) for part in parts) > 1:
        return tokens, {}  # x if x > 0, -x if x < 0
    tokens = _without_place(tokens)
    for head, clause in clauses(tokens):
        if has(head, "relation", "in") and has(clause, "relation") and not has(clause, "relation", "in"):
            head, clause = clause, head  # n in Z, n >= 2
        said = _conditions(clause, read)
        sets = {numbers.kind for numbers in said.values()}
        value = split(head, "relation", "=")[0][-1]
        core = without_fillers(head)
        is_formula = len(core) > 1 and not has(value, "relation") and ("P" not in sets or said.keys() <= {*"pqr"})
        may_be_list = sets <= {"Z", "P"} or not split(head, "join")[1]
        is_set = sets == {"Z"} and (WHOLE in said.values() or has(clause, "relation", "in"))  # n >= 3, n in Z
        is_about = said and said.keys() <= _names(head) and ((is_formula and may_be_list) or is_set)
        if is_about and not any(excludes(numbers, read(value)) for numbers in said.values()):
            return opened(head), said
    return tokens, {}


def without_remarks(tokens: Tokens) -> Tokens:
    """``x = 2, x = 3`` of ``x = 2 (double root), x = 3``, ``1.5`` of ``1.5 (to 2 s.f.)``, but not of an integer, and
    ``5 m to the left`` of ``5 m, to the left``."""
    parts, cuts = split(tokens, "join")
    kept: Tokens = ()
    for part, cut in zip(parts, [*cuts, END], strict=True):
        kept = kept[:-1] if part[:1] and part[0].word in _DIRECTIONS else kept
        opens = [token.is_("open", "(") and after.is_("relation", "~") for token, after in pairwise((*part, END))]
        starts = (at for at, token in enumerate(part) if token.word in _REMARKS or opens[at])
        start = next(starts, 0)
        start -= has(part[start - 1 : start], "open", "(")
        remark = {str(token.value).lower() for token in part[start:] if token.kind not in ("open", "close", "number")}
        telling = _ROUNDINGS if start > 0 and part[start - 1].is_decimal else frozenset(("root", "multiplicity"))
        is_remark = start > 0 and remark <= _REMARKS and not telling.isdisjoint(remark)
        kept = (*kept, *(part[:start] if is_remark and _closes(part[:start]) else part), cut)
    return kept[:-1]


def with_other_form(tokens: Tokens) -> Tokens:
    """``1/2 or 50%`` of ``1/2 (or 50%)``; other tokens as they are."""
    start = next((index for index, token in enumerate(tokens) if token.is_("join", "or")), 0) - 1
    is_bracketed = start > 0 and shell(tokens[start:])[0] == "()"
    return (*tokens[:start], *tokens[start + 1 : -1]) if is_bracketed else tokens


def _conditions(clause: Tokens, read: Read) -> dict[str, Region]:
    r"""The numbers of ``k \in \mathbb{Z}``, ``n, k are positive integers`` or ``c \ge 0``, by letter; or none."""
    spoken = spoken_numbers(clause)
    if not spoken:
        return {}
    neighbours = zip((END, *clause), clause, (*clause[1:], END), strict=False)
    core = tuple(
        token
        for before, token, after in neighbours
        if not (token.word or before.word == "non" or _is_article(before, token, after, clause[-1]))
    )
    if counted := _counted(core, read):
        return counted
    letters: list[str] = []
    said: dict[str, Region] = {}
    parts = [part for part in split(core, "join")[0] if part]
    for part in parts:
        if part[0].kind != "name" or len(parts) > MAX_SAID:
            return {}
        letters.append(str(part[0].value))
        if len(part) > 1:
            claim = _claim(part, read)
            for letter in letters:
                numbers = among(said.get(letter, spoken), claim)
                if not numbers:
                    return {}
                said[letter] = numbers
            letters = []
    if letters and not any(token.word for token in clause):
        return {}
    return said | dict.fromkeys(letters, REAL if spoken == Region("", REALS) else spoken)  # for any c


def _is_article(before: Token, token: Token, after: Token, last: Token) -> bool:
    """Whether ``token`` is the ``a`` of ``n is a prime``, ``with n a prime`` or ``for a constant c``."""
    is_before_noun = bool(after.word) and "name" in (before.kind, last.kind)
    return token.latex == "a" and (token.is_worded or before.word == "is" or is_before_noun)


def spoken_numbers(clause: Tokens) -> Region | None:
    """The numbers of the words in ``all positive integers n such that n < 9``; None for other words."""
    return spoken_set(" ".join(token.word for token in clause if token.word and token.word not in _ARTICLES | _SUCH))


def _claim(part: Tokens, read: Read) -> Region | None:
    r"""The numbers of ``n \ge 1`` and ``n \in \mathbb{Z}``; None for an equation."""
    sides, signs = split(part, "relation")
    if len(signs) == 1 and signs[0].value == "in":
        field = tuple(replace(token, kind="field") if token.is_("name", *"ZNR") else token for token in sides[1][:1])
        if numbers := number_set((*field, *sides[1][1:])):
            return numbers
    return None if has(part, "join", "or", "maybe") else read_inequality(part, read)


def clauses(tokens: Tokens) -> Iterator[tuple[Tokens, Tokens]]:
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
        if head and clause and _closes(head) and _closes(clause):
            yield head, clause


def _counted(core: Tokens, read: Read) -> dict[str, Region]:
    r"""The whole numbers of ``k = 0, 1, 2, \ldots`` or ``k = 0, \pm 1, \ldots`` by its letter; or none."""
    counts = read(tuple(token for token in core if token.value != "pm")) if has(core[-1:], "dots") else None
    if not isinstance(counts, Region) or not counts.variable:
        return {}
    return {counts.variable: WHOLE if has(core, "sign", "pm") else replace(counts, variable="")}


def without_fillers(clause: Tokens) -> Tokens:
    """``n \\ge 3`` of ``for all integers n \\ge 3``, and of ``all integers n such that n \\ge 3``."""
    core = tuple(dropwhile(lambda token: token.kind == "join" or token.word in _FILLERS, clause))
    said = tuple(dropwhile(lambda token: token.word in _SUCH, core[1:]))
    is_bound = core != clause and has(core[:1], "name") and not has(said, "relation", "=")
    return said if is_bound and said != core[1:] else core


def _is_definition(clause: Tokens) -> bool:
    """Whether a clause says what a symbol stands for, and nothing of its value: ``F_n is the nth Fibonacci number``."""
    words = [token.word for token in clause]
    is_said = ("is", "the") in pairwise(words) or "denotes" in words or "denote" in words
    return is_said and not has_any(clause, "number", "relation", "join")


def _without_place(tokens: Tokens) -> Tokens:
    r"""``6`` of ``6 when x = 5`` and of ``6, with equality iff a = b``, ``F_{n+1}`` of ``F_{n+1}, where F_n is the nth
    Fibonacci number``; all where the condition is on the value."""
    for head, clause in clauses(tokens):
        lead = tokens[len(tokens) - len(clause) - 1]
        if "where" in (lead.word, clause[0].word) and _is_definition(clause):
            return head
        is_reason = clause[0].word in _REASONS
        if not is_reason and clause[0].word not in PLACES and lead.word not in PLACES:
            continue
        relation = next((index for index, token in enumerate(clause) if token.kind == "relation"), None)
        further = clause[relation or 1 :]
        has_several = (relation is None and not is_reason) or any(token.word in PLACES for token in further)
        listed = split(further, "join")[0][1:] if relation else []
        if any(part and not has_any(part, "relation", "word", "dots") for part in listed):
            return tokens  # 37 at x = 1, 38
        if has_several or any(token.word in OTHERWISE for token in clause[1:]) or has(clause, "join", "or", "maybe"):
            return tokens
        is_label = [bool(before.word) and sign.is_("sign", ":") for before, sign in pairwise(head)]
        leads = [index for index, token in enumerate(head) if token.word == "is" or (index and is_label[index - 1])]
        head = head[max(leads, default=-1) + 1 :]
        sides = split(head, "relation", "=")[0]
        is_of_curve = has(sides[0], "sign", *"+-^/") or bool(_names(sides[-1]) and _names(sides[0]) & _names(clause))
        is_of_curve = is_of_curve and not has(clause, "relation", "=", "~")
        value = head if is_of_curve else sides[-1]
        return tokens if not value or has(value[:1], "word") or _names(clause) & _names(value) else head
    return tokens


def _names(tokens: Sequence[Token]) -> set[str]:
    """The names in ``tokens``, those in products of up to three letters too."""
    products = (str(token.value) for token in tokens if token.kind == "word" and not token.is_worded)
    letters = {letter for product in products if len(product) < 4 for letter in product}  # cx
    return letters | {str(token.value) for token in tokens if token.kind == "name"}


def _closes(tokens: Sequence[Token]) -> bool:
    depths = [*accumulate(map(step, tokens), initial=0)]
    return depths[-1] == 0 == min(depths)
