r"""What one sentence of prose states: its formulas, plain numbers and letters, and which of them are the answer.

Alternatives stated together (``5 or 6``, ``$x = 2$ and $x = 3$``) come along, so that the comparison sees a hedge, or a
list where the gold is one.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

from dgpo.verifier.equality import Comparison
from dgpo.verifier.formulas_in_prose import Span, join, runs, spelt, whole
from dgpo.verifier.reading import read as read_text
from dgpo.verifier.stance import condition, has_cases, is_denied

Wanted = Literal["choice", "number", "expression"]

_MATH = re.compile(r"\$\$(.{1,500}?)\$\$|(?<!\\)\$([^$]{1,500})(?<!\\)\$(?!\d)|\\\((.{1,500}?)\\\)|\\\[(.{1,500}?)\\\]")
_NUMBER_SIGN = re.compile(r"[\d√π∞]|plus|minus|times|over")
_PERCENT = re.compile(r" ?(?:\\?%|percent\b)")
_EMPHASIS = re.compile(r"\*\*[^*\n]{1,200}\*\*")
_LETTER = re.compile(
    r"(?<![A-Za-z])\([A-Ja-j]\)"
    r"|(?<![A-Za-z0-9'’\\])(?<![\d°] )(?<!°)(?!A (?!is|because|since|as|and|or|but)[a-z])[A-HJ](?![A-Za-z0-9'’])"
)
_SAID = re.compile(
    r"(?P<reply>Yes|No)[,.!;:].*|.*(?<![A-Za-z])(?:is|are|be|was|were) \**(?P<words>[A-Za-z][A-Za-z' -]{1,40})[.!*]*"
)
_HEDGED = r"(?:maybe|perhaps|possibly|(?:it )?(?:could|may|might))"
_JOINT = re.compile(
    rf"[\s*(]*(?:,|/|,?\s*(?<![A-Za-z])(?P<word>or|and|but(?= {_HEDGED}))(?![A-Za-z]),?)[\s*]*"
    rf"(?:(?:either|even|alternatively|also|{_HEDGED}(?: also)?(?: be)?),? ){{0,2}}",
    re.IGNORECASE,
)
_APPROXIMATELY = re.compile(r"(?:,? ?\(?(?:or|which is|that is|i\.e\.,?))? ?(?:about|approximately|roughly|≈) ?", re.I)
_ALSO = re.compile(r"[)*$ ]*(?:or|nor|and)[(*$ ]*")
_OPEN, _CLOSE = "([{", ")]}"


def read(sentence: str, wanted: Wanted, *, stated: bool) -> str | None:
    """The answer in one sentence: what comes first in a statement (``is D, it cannot be A``), else what comes last."""
    spans = _letters(sentence) if wanted == "choice" else _values(sentence, wanted)
    if not spans:
        return None
    if limit := condition(sentence, spans[0].end):
        if has_cases(sentence, limit):
            return None
        spans = [span for span in spans if span.start < limit]
    starts_so = stated and (wanted == "choice" or not any(map(str.isalnum, sentence[: spans[0].start])))
    first = last = 0 if starts_so else len(spans) - 1
    while first > 0 and _APPROXIMATELY.fullmatch(sentence, spans[first - 1].end, spans[first].start):
        first = last = first - 1
    while first > 0 and _JOINT.fullmatch(sentence, spans[first - 1].end, spans[first].start):
        first -= 1
    while last < len(spans) - 1 and (
        _JOINT.fullmatch(sentence, spans[last].end, spans[last + 1].start)
        or (stated and sentence[spans[last].end : spans[last + 1].start].isspace())  # a listing: 0 1 2 3
    ):
        last += 1
    if wanted != "choice" and first == last:
        return spelt(sentence, spans[first])
    return _list(sentence, spans[first : last + 1])


def _list(sentence: str, spans: list[Span]) -> str:
    answer = spans[0].text
    for before, after in pairwise(spans):
        joint = _JOINT.fullmatch(sentence, before.end, after.start)
        is_or = joint is not None and (joint["word"] or "").lower() in ("or", "but")
        if not (is_or and _are_equal(before.text, after.text)):  # 3/4, or 0.75
            answer += (" or " if is_or else ", ") + after.text
    left, right = sentence[spans[0].start - 1 : spans[0].start], sentence[spans[-1].end : spans[-1].end + 1]
    in_brackets = len(spans) > 1 and left and right and left in _OPEN and right in _CLOSE  # (1, x + 1)
    return f"{left}{answer}{right}" if in_brackets else answer


def _are_equal(text: str, other: str) -> bool:
    return Comparison().same(read_text(text).tree, read_text(other).tree) is True


def said(sentence: str) -> str | None:
    """The words that a sentence ends in or answers with: ``no solution`` of ``there is no solution``, ``Yes``."""
    found = _SAID.fullmatch(sentence)
    return (found["reply"] or found["words"]) if found else None


def asserted_letters(sentence: str) -> set[str]:
    """The choices that ``sentence`` names without denying them (``I think it is D, not A``: D)."""
    return {span.text.strip("()") for span in _letters(sentence)}


def _letters(sentence: str) -> list[Span]:
    letters = [Span(found.start(), found.end(), found.group().upper()) for found in _LETTER.finditer(sentence)]
    return _undenied(sentence, letters)


def _undenied(sentence: str, spans: list[Span]) -> list[Span]:
    """``spans`` without those that are denied, alone or together (``not 3 or 5``, ``between 3 and 5``)."""
    left: list[Span] = []
    denied_end = -1
    for span in spans:
        goes_on = denied_end >= 0 and _ALSO.fullmatch(sentence, denied_end, span.start)
        if goes_on or is_denied(sentence, span.start, span.end):
            denied_end = span.end
        else:
            left.append(span)
            denied_end = -1
    return left


def _values(sentence: str, wanted: Wanted) -> list[Span]:
    """Formulas and, where a number is wanted or there is no formula, plain numbers and emphasised text, in order."""
    spans = list(_formulas(sentence)) if "$" in sentence or "\\" in sentence else []
    if not spans or (wanted == "number" and _has_numbers_outside(sentence, spans)):
        spans = sorted([*spans, *runs(sentence, spans)])
    if len(spans) > 1:
        spans = join(sentence, spans)
    spans = [span for span in spans if _has_value(span, wanted)]
    if not spans:
        spans = [Span(found.start(), found.end(), found.group().strip("*")) for found in _EMPHASIS.finditer(sentence)]
    return [found for span in _undenied(sentence, spans) if (found := whole(sentence, span))]


def _has_numbers_outside(sentence: str, formulas: list[Span]) -> bool:
    starts = [0, *(span.end for span in formulas)]
    ends = [*(span.start for span in formulas), len(sentence)]
    return any(_NUMBER_SIGN.search(sentence, start, end) for start, end in zip(starts, ends, strict=True))


def _has_value(span: Span, wanted: Wanted) -> bool:
    """Whether a run is more than the letters of a name; formulas are told by their delimiters."""
    if span.end - span.start > len(span.text) or any(map(str.isdigit, span.text)) or not {*"π∞"}.isdisjoint(span.text):
        return True
    return wanted == "expression" and not {*"+-*/^=<>≤≥_("}.isdisjoint(span.text)


def _formulas(sentence: str) -> Iterator[Span]:
    position = 0
    while found := _MATH.search(sentence, position):
        content = next(filter(None, found.groups()), "").strip()
        if not content:
            position = found.start() + 1
            continue
        percent = _PERCENT.match(sentence, found.end())
        yield Span(found.start(), percent.end() if percent else found.end(), content + ("%" if percent else ""))
        position = found.end()
