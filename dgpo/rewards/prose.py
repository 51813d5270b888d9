r"""The final answer of a text without a box: ``Answer: 5``, ``the answer is (C)``, ``#### 5``, ``<answer>5</answer>``,
or what its last sentences end in. Only the opt-in ``extract`` mode reads this.

The last answer stated counts. Alternatives stated with it (``5 or 6``, ``$2$ and $3$``) come along, so that the
comparison sees a hedge, or a list where the gold is one.
"""

import re
from collections import deque
from collections.abc import Iterator
from typing import Literal

from dgpo.rewards.normalise import WRAPPER

Wanted = Literal["choice", "number", "expression"]

MAX_TEXT_CHARS = 20_000
"""Only this much of the end of a response is searched for an unboxed answer."""
MAX_SENTENCE_CHARS = 1000
LAST_SENTENCES = 3

_CUE = re.compile(
    r"(?P<tag><answer>)"
    r"|^[ \t>*]*\#{3,4}(?![ \t*]*(?:final )?answer)(?=[^#\n]*$)"
    r"|(?<![A-Za-z])(?:answer|réponse|respuesta|resposta|antwort|risposta|ответ|答案|答え)"
    r"(?:[^.\n:：=$\\]{0,40}?(?:(?<![A-Za-z])(?:is|est|es|ist|è|é)(?![A-Za-z])|[:：=是为])"
    r"|\s*(?=\$|\\[(\[])|[ \t*]*\n)",
    re.IGNORECASE | re.MULTILINE,
)
_CHAT_TOKEN = re.compile(r"<\|[^|<>\n]{1,40}\|>\w*\s*\Z")
_DISPLAY = re.compile(r"\\\[[^$]{1,500}?\\\]|\$\$[^$]{1,500}\$\$|\\\([^$]{1,500}?\\\)")
_SENTENCE_END = re.compile(r"(?<=[.!?])[*_)\"']*\s+|(?<=[。！？।])|\n")
_MATH = re.compile(r"\$\$(.{1,500}?)\$\$|(?<!\\)\$([^$]{1,500})(?<!\\)\$|\\\((.{1,500}?)\\\)|\\\[(.{1,500}?)\\\]")
_PROSE = re.compile(r"(?<![\\A-Za-z])(?!(?:sin|cos|tan|log|exp|max|min|gcd|lcm|mod|and|sqrt)(?![A-Za-z]))[a-z]{3}")
_NAMES = re.compile(rf"{WRAPPER}|\\(?:begin|end) ?\{{[^{{}}]*\}}(?:\{{[^{{}}]*\}})?")
_EMPHASIS = re.compile(r"\*\*[^*\n]{1,200}\*\*")
_DIGITS = r"(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)"
_NUMBER = re.compile(
    r"(?<![A-Za-z0-9.,^])(?<!\^\{)(?:(?<![)\]}])[+\-−] ?)?[$€£¥]? ?-?"
    rf"(?:\d+ \d+/\d+|\d+:\d+(?::\d+)*|{_DIGITS}(?: ?/ ?\d+|[eE][+-]?\d+)?)"
    r"(?: ?(?:\\?%|percent\b|million\b|billion\b|trillion\b))?"
)
_LETTER = re.compile(r"\([A-J]\)|(?<![A-Za-z'’\\])(?!A (?!is|because|since|as|and|or|but)[a-z])[A-HJ](?![A-Za-z'’])")
_DENIED = re.compile(
    r"(?:(?<![A-Za-z])(?:not|neither|nor|except|never|rules? out|eliminates?|cannot be|at (?:least|most)"
    r"|(?:less|greater|more|fewer|larger|smaller) than)|n['’]t(?: be)?|不是|非)[ (*]*(?:[A-J] or )?\Z",
    re.I,
)
_DENIED_AFTER = re.compile(
    r"[)*$ ]*(?:(?:is|are|was) )?(?:incorrect|wrong|false|not (?:correct|right|the answer)|cannot be)(?![A-Za-z])", re.I
)
_CONDITION = re.compile(r"(?<![A-Za-z])(?:when|where|attained|if)(?![A-Za-z])", re.IGNORECASE)
_JOINT = re.compile(
    r"[\s*]*(?:,|/|,?\s*(?<![A-Za-z])(?P<word>or|and)(?![A-Za-z]),?)[\s*]*"
    r"(?:either |maybe |perhaps |possibly |even )?",
    re.IGNORECASE,
)


def unboxed_answer(text: str, wanted: Wanted) -> str | None:
    """The final answer that ``text`` states in prose, or None. A text whose ``<think>`` never closes has none.

    ``wanted`` is what the gold is and so how a sentence is read: for a letter, a number or any expression.
    """
    text = _CHAT_TOKEN.sub("", text[-MAX_TEXT_CHARS:]).strip()
    if "<think>" in text:
        return None
    text = _DISPLAY.sub(lambda display: display.group().replace("\n", " "), text)
    cue = next(iter(deque(_CUE.finditer(text), maxlen=1)), None)
    if cue is None:
        return _bare(text, wanted) or _from_last_sentences(text, wanted)
    if cue["tag"]:
        return text[cue.end() :].partition("</answer>")[0].strip()
    stated = text[cue.end() :].lstrip(" \t\n:：*_").removeprefix("is ")
    sentence = next(filter(None, map(str.strip, _SENTENCE_END.split(stated[:MAX_SENTENCE_CHARS]))), "")
    return _read(sentence, wanted, stated=True) or (sentence.rstrip("*_ ") or None)


def _bare(text: str, wanted: Wanted) -> str | None:
    """``text`` itself where it is one short line without prose (``odd $n$``)."""
    is_answer = wanted == "expression" and len(text) <= 100 and "\n" not in text
    is_prose = re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}|\A(?:So|Hence|Thus|Therefore|Then),? ", text)
    return text if is_answer and not is_prose else None


def _from_last_sentences(text: str, wanted: Wanted) -> str | None:
    sentences = [part for part in map(str.strip, _SENTENCE_END.split(text)) if any(map(str.isalnum, part))]
    for sentence in sentences[: -LAST_SENTENCES - 1 : -1]:
        if found := _read(sentence[-MAX_SENTENCE_CHARS:], wanted, stated=False):
            return found
    return None


def _read(sentence: str, wanted: Wanted, *, stated: bool) -> str | None:
    """The answer in one sentence: what comes first in a statement (``is D, it cannot be A``), else what comes last."""
    spans = list(_letters(sentence) if wanted == "choice" else _values(sentence, wanted))
    if not spans:
        return None
    if condition := _CONDITION.search(sentence, spans[0][1]):  # the answer is 12, when n = 5
        spans = [span for span in spans if span[0] < condition.start()]
    starts_so = stated and (wanted == "choice" or not any(map(str.isalnum, sentence[: spans[0][0]])))
    first = last = 0 if starts_so else len(spans) - 1
    while first > 0 and _JOINT.fullmatch(sentence[spans[first - 1][1] : spans[first][0]]):
        first -= 1
    while last < len(spans) - 1 and _JOINT.fullmatch(sentence[spans[last][1] : spans[last + 1][0]]):
        last += 1
    answer = spans[first][2]
    for before, after in zip(spans[first:last], spans[first + 1 : last + 1], strict=True):
        joint = _JOINT.fullmatch(sentence[before[1] : after[0]])
        is_or = joint is not None and (joint["word"] or "").lower() == "or"
        answer += (" or " if is_or else ", ") + after[2]
    return answer


def asserted_letters(sentence: str) -> set[str]:
    """The choices that ``sentence`` names without denying them (``I think it is D, not A``: D)."""
    return {letter.strip("()") for _, _, letter in _letters(sentence)}


def _letters(sentence: str) -> Iterator[tuple[int, int, str]]:
    for letter in _LETTER.finditer(sentence):
        if not _is_denied(sentence, letter.start(), letter.end()):
            yield letter.start(), letter.end(), letter.group()


def _values(sentence: str, wanted: Wanted) -> Iterator[tuple[int, int, str]]:
    """Formulas and, where a number is wanted or there is no formula, plain numbers and emphasised text, in order."""
    spans = list(_formulas(sentence))
    if wanted == "number" or not spans:
        covered = [(start, end) for start, end, _ in spans]
        for number in _NUMBER.finditer(sentence):
            if not any(start < number.end() and number.start() < end for start, end in covered):
                spans.append((number.start(), number.end(), number.group()))
    if not spans:
        spans = [(found.start(), found.end(), found.group().strip("*")) for found in _EMPHASIS.finditer(sentence)]
    yield from (span for span in sorted(spans) if not _is_denied(sentence, span[0], span[1]))


def _is_denied(sentence: str, start: int, end: int) -> bool:
    return bool(_DENIED.search(sentence[max(0, start - 30) : start]) or _DENIED_AFTER.match(sentence, end))


def _formulas(sentence: str) -> Iterator[tuple[int, int, str]]:
    position = 0
    while found := _MATH.search(sentence, position):
        content = next(filter(None, found.groups()), "").strip()
        if not content or _PROSE.search(_NAMES.sub("", content)):  # two prices, with words between
            position = found.start() + 1
            continue
        percent = re.compile(r" ?(?:\\?%|percent\b)").match(sentence, found.end())
        yield found.start(), percent.end() if percent else found.end(), content + ("%" if percent else "")
        position = found.end()
