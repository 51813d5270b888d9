r"""What an answer says beside its value: ``-4 at x = 2``, ``2k\pi, k \in \mathbb{Z}``, ``2^n for n \ge 1``."""

import re
from collections.abc import Callable

_INTEGERS = r"(?:\\math(?:bb|bf) ?)?\{? ?[ZN] ?\}?(?: ?[\^_] ?\{? ?[+*] ?\}?)?"
_COUNTER = re.compile(
    r" ?[,;(]? ?(?:,? ?(?:where|for|with) )?(?:(?:any|all|some|every) )?(?:"
    rf"(?P<in>[a-z]) ?\\in ?{_INTEGERS}|(?P<is>[a-z]) (?:(?:is|being) )?(?:an|any) integer|integers? (?P<of>[a-z]))"
    r" ?\)?\Z"
)
"""What says that a letter counts: ``k \\in \\mathbb{Z}``, ``where n is an integer``."""
_WORD = re.compile(
    r"(?<![A-Za-z\\])(?:when(?:ever)?|where|iff?|at|for|with|attained|achieved|since|because)(?![A-Za-z])"
)
_SAID = re.compile(r"(?<=[A-Za-z]): ?|(?<=[A-Za-z]{2}) is ")
_AT = re.compile(r"(?<=[\d})]) ?\( ?[A-Za-z] ?= ?[^()=]{1,40}\)\Z")
"""A place in brackets: ``12 (x = 3)``."""
_OTHERWISE = re.compile(r"(?<![A-Za-z])(?:otherwise|else|or)(?![A-Za-z])")
_RELATION = re.compile(r"[=<>]|\\(?:le|ge|ne|in|equiv)(?![A-Za-z])")
_NAME = re.compile(r"(?<![A-Za-z\\])[A-Za-z](?![A-Za-z])")
_IN_WORDS = re.compile(r"[A-Za-z]{2}")
_GROUP = re.compile(r"[({\[][^(){}\[\]]*[)}\]]")
_LEAD = re.compile(r"[,;(]|\\forall(?![A-Za-z])|(?<![A-Za-z\\])(?:for|if|when|where|with)(?![A-Za-z])")
_DOMAIN = re.compile(
    r"(?P<words>(?:[,;( ]|for|if|when|where|with|\\forall|all|any|every|each"
    r"|real|complex|positive|negative|nonnegative|nonzero|natural|integers?|numbers?|values?|constants?|of)*)"
    r"(?P<relation>(?P<name>[A-Za-z]) ?(?P<sign>\\(?:ge|le|ne|in)(?![A-Za-z])|[<>]|\Z)[^,;=<>]{0,60})"
)
"""Where a formula holds: ``for n \\ge 1``, ``\\forall x \\in \\mathbb{R}``, ``for all real x``, ``, x \\ne 0``."""
_TELLS_DOMAIN = re.compile(r"[<>]|\\(?:ge|le|ne|in|forall)(?![A-Za-z])|(?:all|any|every|each|real) ")
MAX_LEADS = 4


def without_condition(text: str, plain: Callable[[str], str]) -> str:
    """The cleaned ``text`` without the place where its value is taken, or what counts; ``plain`` opens its words."""
    if text.endswith(")") and (place := _AT.search(text)):
        return text[: place.start()]
    if not _WORD.search(text) and "nteger" not in text and "\\in" not in text:
        return text
    spelt = plain(text)
    value = _without_place(spelt)
    counted = _without_counter(value or spelt)
    return counted or value or text


def _without_place(text: str) -> str:
    r"""``6`` of ``6 when x = 5`` and of ``6, with equality iff a = b``; '' where no other letter has the condition."""
    found = _WORD.search(text)
    relation = _RELATION.search(text, found.end()) if found else None
    if not found or not relation or "\\begin" in text:
        return ""
    if _WORD.search(text, relation.end()) or _OTHERWISE.search(text, found.end()):
        return ""  # several values, each with its condition
    head = text[: found.start()].rstrip().removesuffix("(").rstrip(",; ")
    head = head[said.end() :] if (said := _SAID.search(head)) else head
    value = head.rpartition("=")[2].strip()
    names = set(_NAME.findall(text, found.end()))
    is_value = value and not _IN_WORDS.match(value) and _closes(head)
    return head if is_value and not names & set(_NAME.findall(value)) else ""


def may_have_domain(text: str) -> bool:
    """A quick no for nearly all answers."""
    return bool(_TELLS_DOMAIN.search(text))


def split_domain(text: str) -> tuple[str, str]:
    r"""``2^n`` and ``n\ge1`` of ``2^n, n \ge 1``: a formula and where it holds; '' if it does not say so."""
    for lead in [*_LEAD.finditer(text)][-MAX_LEADS:]:
        head, found = text[: lead.start()].rstrip(), _DOMAIN.fullmatch(text.removesuffix(")"), lead.start())
        value = head.rpartition("=")[2].strip()
        if not found or not (found["sign"] or found["words"].strip(",;( ")) or found["name"] not in _NAME.findall(head):
            continue
        is_formula = _closes(head) and not _RELATION.search(value) and "," not in _GROUP.sub("", head)
        if is_formula and not _IN_WORDS.match(value) and ("=" in head or len(value) > 1):
            return head, found["relation"].replace(" ", "")
    return text, ""


def _without_counter(text: str) -> str:
    r"""``2k\pi`` of ``2n\pi, n \in \mathbb{Z}``, if the letter does count something there; else ''."""
    found = _COUNTER.search(text)
    if not found:
        return ""
    counted = text[: found.start()]
    counter = re.compile(rf"(?<![A-Za-z\\]){found['in'] or found['is'] or found['of']}(?![A-Za-z])")
    if not counter.search(counted):
        return ""
    name, _, value = counted.rpartition("=")
    is_index = "N" in found.group() and (not name or counter.search(re.sub("[_{}]", " ", name)))
    return counted if is_index else f"{name}={counter.sub('k', value)}" if name else counter.sub("k", value)


def _closes(text: str) -> bool:
    return all(text.count(left) == text.count(right) for left, right in ("()", "[]", "{}"))
