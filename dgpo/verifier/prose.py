r"""The final answer of a text without a box: ``Answer: 5``, ``the answer is (C)``, ``#### 5``, ``<answer>5</answer>``,
or what its last sentences assert. Only the opt-in ``extract`` mode reads this.

The last answer stated counts, and what follows it only if it takes it back. Alternatives stated together (``5 or 6``,
``$x = 2$ and $x = 3$``) come along, so that the comparison sees a hedge, or a list where the gold is one.
"""

import re
from collections import deque
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

from dgpo.verifier.equality import Comparison
from dgpo.verifier.formulas_in_prose import join, runs, spelt, whole
from dgpo.verifier.reading import read as read_text
from dgpo.verifier.stance import Span, condition, has_cases, is_cut_off, letters, retraction, stance, undenied
from dgpo.verifier.values import is_number

Wanted = Literal["choice", "number", "expression"]

_MATH = re.compile(r"\$\$(.{1,500}?)\$\$|(?<!\\)\$([^$]{1,500})(?<!\\)\$(?!\d)|\\\((.{1,500}?)\\\)|\\\[(.{1,500}?)\\\]")
_NUMBER_SIGN = re.compile(r"[\d√π∞]|plus|minus|times|over")
_PERCENT = re.compile(r" ?(?:\\?%|percent\b)")
_EMPHASIS = re.compile(r"\*\*[^*\n]{1,200}\*\*")
_SAID = re.compile(
    r"(?:(?:So|Thus|Hence|Therefore),? )?(?P<reply>[Yy]es|[Nn]o)[,.!;:].*"
    r"|.*(?<![A-Za-z])(?:(?:is|are|be|was|were) (?:therefore |thus |exactly )?|(?:has|have) (?=no |infinitely ))\**"
    r"(?P<words>[A-Za-z][A-Za-z' -]{1,40})[.!*]*|.* (?P<verb>does not exist|(?:con|di)verges)[.!*]*"
)
_VERBS = ("exist", "verges")
_HEDGED = r"(?:maybe|perhaps|possibly|(?:it )?(?:could|may|might))"
_JOINT = re.compile(
    rf"[\s*(]*(?:[,;|/，、；~—]|(?<= )&(?= )|--|[-=]>"
    rf"|,?\s*(?<![A-Za-z])(?P<word>or|and|或者?|和|but(?= {_HEDGED}))(?![A-Za-z]),?)[\s*]*"
    r"(?:(?:either|even|alternatively|also|no|sorry|actually|rather|i mean"
    rf"|{_HEDGED}(?: also)?(?: be)?),? ){{0,2}}",
    re.IGNORECASE,
)
_AGAIN = re.compile(
    r"(?:,? ?\(?(?:or|which is|that is|i\.e\.,?),?)? ?(?:about|around|approximately|roughly|equivalently|≈)[, ]?",
    re.IGNORECASE,
)
"""Between an answer and the same once more: ``or about``."""
_OPEN, _CLOSE = "([{", ")]}"

MAX_TEXT_CHARS = 20_000
"""Only this much of the end of a response is searched for an unboxed answer."""
MAX_SENTENCE_CHARS = 1000
LAST_SENTENCES = 3
LAST_CUES = 5

_CUE = re.compile(
    r"(?P<tag><answer>)"
    r"|^[ \t>*]*\#{3,4} ?(?=\**(?:[-$\\(\[{.√π]|\d(?!\d?[.)] )|[A-Z](?![A-Z])))(?=[^#\n]*$)"  # #### 5, not ### Step 5
    r"|(?<![A-Za-z])(?:answer|réponse|respuesta|resposta|antwort|risposta|ответ|答案|答え)"
    r"(?! (?:choices|options|(?:choice |option )?\(?[A-J]\)? is)\b)"
    r"(?:[ \t*_]*[:：=是为]"
    r"|[^.\n:：$\\?!]{0,40}?"
    r"(?:[:：]|(?<![A-Za-z])(?<!no )(?:is|est|es|ist|è|é)(?![A-Za-z])(?! (?:expected|supposed|found)))"
    r"|\s*(?=\$|\\[(\[])|[ \t*]*\n)",
    re.IGNORECASE | re.MULTILINE,
)
_CUE_WORDS = ("answer", "###", "respuesta", "resposta", "antwort", "risposta", "réponse", "ответ", "答案", "答え")
_NO_CUE = re.compile(
    r"(?<![A-Za-z])(?:to (?:find|get|obtain|compute|reach|determine|check|verify|show|prove)|finding|getting|computing"
    r"|rounding|(?:express|round|write|give|provide|enter)|if|suppose|assum\w{1,4}|maybe|perhaps|might|claim\w{0,3}|told"
    r"|whether|doubt|false|wrong|incorrect|earlier|previous|unclear|thought|wrote|bound"
    r"|(?:not|\w+n['’]t) (?:think|believe|clear|true))"
    r"(?: [\"“]?[a-z]+){0,3} \Z|(?:如果|假设|假如|若)\Z",
    re.IGNORECASE,
)
"""What makes talk of the answer no statement of it: ``to find the ...``, ``maybe the ...``."""
_STRUCK = re.compile(r"~~[^~\n]{1,200}~~|<!--.*?-->", re.DOTALL)
_CHAT_TOKEN = re.compile(r"<\|[^|<>\n]{1,40}\|>\w*\s*\Z")
_BOLD_VALUE = re.compile(r"(?<==)( ?)(\*{1,2})([^*\n]{1,200})\2")  # 20 + 80 = **100**
_CALCULATOR = re.compile(r"<<[^<>\n]{1,200}>>")
_END_OF_DISPLAY = re.compile(r"[.,;]? *(\\\]|\\\)|\$\$)\Z")
_DISPLAY = re.compile(r"\\\[[^$]{1,500}?\\\]|\$\$[^$]{1,500}\$\$|\\\([^$]{1,500}?\\\)")
_SENTENCE_END = re.compile(
    r"(?<=[.?])(?<!\A[A-J]\.)(?<!\n[A-J]\.)[*_)\"']*\s+|(?<=!)[*_)\"']*\s+(?![=+*/×·\\-])|(?<=[。！？।])|\n"
    r"| (?=(?:So|Thus|Hence|Therefore)[, ])"
)
_ALTERNATIVE = re.compile(r"\W*(?:or|alternatively|maybe|perhaps|possibly)\b,? *(?=[^\s.,;!?])", re.IGNORECASE)
"""An afterthought: ``The answer is 5. Or 6.``"""
_PROSE = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,}|\A(?:So|Hence|Thus|Therefore|Then),? ")
_LIST_MARK = re.compile(r"^[ \t]*\d{1,2}[.)][ \t]+(?=\S)", re.MULTILINE)


def unboxed_answer(text: str, wanted: Wanted) -> str | None:
    """The final answer that ``text`` states in prose, or None.

    ``wanted`` is what the gold is and so how a sentence is read: for a letter, a number or any expression.
    """
    text = text[-MAX_TEXT_CHARS:].strip()
    text = _STRUCK.sub("", text).replace(" !=", " ≠")
    if "<" in text:
        text = _CALCULATOR.sub("", _CHAT_TOKEN.sub("", text)).strip()
    if "*" in text:
        text = _BOLD_VALUE.sub(r"\1\3", text)
    if "$$" in text or "\\" in text:  # no sentence or line ends in a formula
        text = _DISPLAY.sub(lambda display: _END_OF_DISPLAY.sub(r"\1", display.group().replace("\n", " ")), text)
    cue = _last_cue(text)
    if cue is None:
        return _bare(text, wanted) or _from_last_sentences(text, wanted)
    if cue["tag"]:
        return text[cue.end() :].partition("</answer>")[0].strip()
    return _stated(text[cue.end() :].lstrip(" \t\n:：*_").removeprefix("is "), wanted)


def _last_cue(text: str) -> re.Match[str] | None:
    lowered = text.lower()
    if not any(word in lowered for word in _CUE_WORDS):
        return None
    cues = deque(_CUE.finditer(text), maxlen=LAST_CUES)
    return next(
        (cue for cue in reversed(cues) if not _NO_CUE.search(text, max(0, cue.start() - 60), cue.start())), None
    )


def _stated(text: str, wanted: Wanted) -> str | None:
    """The answer in the first sentence of ``text``, which follows a cue, unless what comes after takes it back."""
    end = _SENTENCE_END.search(text, 0, MAX_SENTENCE_CHARS)
    sentence = text[: end.start() if end else MAX_SENTENCE_CHARS].strip()
    if end:
        rest = text[end.end() :]
        if alternative := _ALTERNATIVE.match(rest):
            return f"{read(sentence, wanted, stated=True) or sentence} or {rest[alternative.end() :].splitlines()[0]}"
        taken_back = 0 if sentence.endswith("?") else retraction(rest)
        if taken_back is not None:
            return _from_last_sentences(rest[taken_back:], wanted)
    return read(sentence, wanted, stated=True) or (sentence.rstrip("*_ ") or None)


def _bare(text: str, wanted: Wanted) -> str | None:
    """``text`` itself where it is one short line without prose (``odd $n$``)."""
    if wanted != "expression" or len(text) > 100 or "\n" in text:
        return None
    return None if _PROSE.search(text) else text


def _from_last_sentences(text: str, wanted: Wanted) -> str | None:
    text, marks = _LIST_MARK.subn("", text[-(LAST_SENTENCES + 1) * MAX_SENTENCE_CHARS :])
    sentences = [part for part in map(str.strip, _SENTENCE_END.split(text)) if any(map(str.isalnum, part))]
    if marks and re.fullmatch(r"\d{1,2}[.)]", sentences[-1] if sentences else ""):
        return None
    stances = [stance(sentence) for sentence in sentences[: -LAST_SENTENCES - 1 : -1]]
    while stances and stances[0] == "aside":
        del stances[0], sentences[-1]
    if not stances or is_cut_off(sentences):
        return None
    last = [(text, kind) for text, kind in zip(reversed(sentences), stances, strict=False) if kind != "aside"]
    for index, (sentence, kind) in enumerate(last):
        if kind == "unfinished":
            return None
        found = said(sentence) if sentence.rstrip(".!*").endswith(_VERBS) else None
        if found := found or read(sentence[-MAX_SENTENCE_CHARS:], wanted, stated=False):
            return found
        if sentence.startswith("But ") or retraction(sentence) is not None:
            del last[index + 1 :]
    found = [(words, sentence) for sentence, _ in last if (words := said(sentence))]
    if wanted == "number":
        found = [each for each in found[:1] if is_number(read_text(each[0]).tree) and " not " not in each[1]]
    return found[0][0] if found and wanted != "choice" else None


def read(sentence: str, wanted: Wanted, *, stated: bool) -> str | None:
    """The answer in one sentence: what comes first in a statement (``is D, it cannot be A``), else what comes last."""
    spans = letters(sentence) if wanted == "choice" else _values(sentence, wanted)
    if not spans:
        return None
    if limit := condition(sentence, spans[0].end):
        if has_cases(sentence, limit):
            return None
        spans = [span for span in spans if span.start < limit]
    starts_so = stated and (wanted == "choice" or not any(map(str.isalnum, sentence[: spans[0].start])))
    first = last = 0 if starts_so else len(spans) - 1
    while first > 0 and _AGAIN.fullmatch(sentence, spans[first - 1].end, spans[first].start):
        first = last = first - 1
    while first > 0 and _JOINT.fullmatch(sentence, spans[first - 1].end, spans[first].start):
        first -= 1
    while last < len(spans) - 1 and (
        _JOINT.fullmatch(sentence, spans[last].end, spans[last + 1].start)
        or (stated and sentence[spans[last].end : spans[last + 1].start].isspace())  # a listing: 0 1 2 3
    ):
        last += 1
    if wanted != "choice" and first == last:
        answer, end = spelt(sentence, spans[first]), spans[first].end
        other = None if _AGAIN.match(sentence, end) else _ALTERNATIVE.match(sentence, end)
        return f"{answer} or {sentence[other.end() :]}" if other else answer
    return _list(sentence, spans[first : last + 1])


def _list(sentence: str, spans: list[Span]) -> str:
    answer = spans[0].text
    for before, after in pairwise(spans):
        joint = _JOINT.fullmatch(sentence, before.end, after.start)
        is_or = joint is not None and (joint["word"] or "").lower() in ("or", "but", "或", "或者")
        is_same = is_or and Comparison().same(read_text(before.text).tree, read_text(after.text).tree)
        if not is_same:  # 3/4, or 0.75
            answer += (" or " if is_or else ", ") + after.text
    left, right = sentence[spans[0].start - 1 : spans[0].start], sentence[spans[-1].end : spans[-1].end + 1]
    in_brackets = len(spans) > 1 and left and right and left in _OPEN and right in _CLOSE  # (1, x + 1)
    return f"{left}{answer}{right}" if in_brackets else answer


def said(sentence: str) -> str | None:
    """The words that a sentence ends in or answers with: ``no solution`` of ``there is no solution``, ``Yes``."""
    found = _SAID.fullmatch(sentence)
    return (found["reply"] or found["words"] or found["verb"]) if found else None


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
    return [found for span in undenied(sentence, spans) if (found := whole(sentence, span))]


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
