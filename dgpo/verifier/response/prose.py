r"""The final answer of a text without a box: ``Answer: 5``, ``the answer is (C)``, ``#### 5``, ``<answer>5</answer>``,
or what its last sentences assert. Only the opt-in ``extract`` mode reads this.

The last answer that is stated counts, unless what follows takes it back. Alternatives (``5 or 6``, ``$x = 2$ and
$x = 3$``) are one answer, so that the comparison sees a hedge, or a list where the gold is one.
"""

import re
from collections import deque
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

from dgpo.verifier.answers.phrases import NO_SOLUTION
from dgpo.verifier.answers.reading import read as read_text
from dgpo.verifier.comparison.equality import Comparison
from dgpo.verifier.expressions.values import is_number
from dgpo.verifier.response.formulas_in_prose import join, runs, spelt, whole
from dgpo.verifier.text import stance
from dgpo.verifier.text.stance import Span, letters, undenied

Wanted = Literal["choice", "number", "words", "expression"]

_MATH = re.compile(r"\$\$(.{1,500}?)\$\$|(?<!\\)\$([^$]{1,500})(?<!\\)\$(?!\d)|\\\((.{1,500}?)\\\)|\\\[(.{1,500}?)\\\]")
_NUMBER_SIGN = re.compile(r"[\d√π∞]|plus|minus|times|over")
_PERCENT = re.compile(r" ?(?:\\?%|percent\b)")
_SO = "(?:So|Thus|Hence|Therefore),? "
_IN_WORDS = re.compile(
    rf"(?:{_SO})?(?P<reply>(?:[Yy]es|[Nn]o)(?:[,.!;:].*)?)"
    r"|(?!.*(?: not|cannot|never|n['’]t) (?:[^,;]{0,60} )?(?:is|are|was|be) )"  # it is not so that there are three
    r".*(?<![A-Za-z])(?:(?:is|are|be|was|were|(?:falls|happen) on|lies in|equals) (?:therefore |thus |exactly )?"
    r"|(?:has|have) (?=no |infinitely ))\**(?P<words>[A-Za-z][A-Za-z' -]{1,40}\d{0,2})[.!*]*"
    r"|.* (?P<verb>does not exist|(?:con|di)verges)(?:(?<=exist) (?:at|as|when|for) [^,;]*)?[.!*]*"
)
_HEDGED = r"(?:maybe|perhaps|possibly|(?:it )?(?:could|may|might))"
_JOINT = re.compile(
    rf"(?<=[\d$)])\s+|(?: \([a-z]{{1,20}}\)(?=,))?[\s*(]*(?:[,;|/，、；~—]|(?<= )&(?= )|--|[-=]>"
    rf"|,?\s*(?:(?P<other>(?<![A-Za-z])(?:or|oder|oppure|ou|o|but(?= {_HEDGED}))(?![A-Za-z])|или|或者?|または|또는)"
    r"|(?<![A-Za-z])(?:and|und|et|e|y)(?![A-Za-z])|и|和|と),?)[\s*]*"
    r"(?:(?:either|even|alternatively|also|no|sorry|actually|rather|i mean"
    rf"|{_HEDGED}(?: also)?(?: be)?),? ){{0,2}}",
    re.IGNORECASE,
)
_GIVEN = re.compile(
    r"(?:.* (?:the|these|those|after|(?:after|before|by) [a-z]+ing)| (?:[a-z]+ )?for(?= \**[^$€£*])"
    r"|.*, (?:which|who) (?!(?:is|are|was|equals?|gives?|makes?)\b)[a-z]+"
    r"|(?! ?(?:and|but|so|he|she)\b)(?: ?[a-z]+){1,2} to (?!(?:be|get|give|obtain|make|find)\b)[a-z]+) \**."
)
"""What stands before a number that the problem gave, behind the answer, up to its first digit or sign: ``ways to
arrange the 4`` of ``24 ways to arrange the 4 books``."""
_NOUN = re.compile(r" ?[A-Za-z°%]+")
_AGAIN = re.compile(
    r"(?:,? ?\(?(?:or|which is|that is|i\.e\.,?),?)? ?(?:about|around|approximately|roughly|equivalently|≈)[, ]?",
    re.IGNORECASE,
)
"""What stands between an answer and the same answer in another form: ``or about``."""
_OPEN, _CLOSE = "([{", ")]}"

MAX_TEXT_CHARS = 20_000
"""Only this much of the end of a response is searched for an unboxed answer."""
MAX_SENTENCE_CHARS = 1000
LAST_SENTENCES = 3
LAST_CUES = 5

_ANSWERS = ("answer", "respuesta", "resposta", "antwort", "risposta", "réponse", "ответ", "答案", "答え")
_CUE = re.compile(
    r"(?P<tag><answer>)"
    r"|^[ \t>*]*\#{3,4} ?(?=\**(?:[-$\\(\[{.√π]|\d(?!\d?[.)] )|[A-Z](?![A-Z])))(?=[^#\n]*$)"  # #### 5, not ### Step 5
    rf"|(?<![A-Za-z])(?:{'|'.join(_ANSWERS)})"
    r"(?! (?:squared|choices|options|(?:choice |option )?\(?[A-J]\)? is)\b)"
    r"(?:[ \t*_]*[:：=是为]|[^.\n:：$\\?!]{0,40}?"
    r"(?:[:：]|(?<![A-Za-z])(?<!no )(?<!non )(?<!não )(?:is|est|es|ist|è|é)(?![A-Za-z])"
    r"(?! (?:expected|supposed|found|unknown|unclear)))|\s*(?=\$|\\[(\[])|[ \t*]*\n)",
    re.IGNORECASE | re.MULTILINE,
)
_NO_CUE = re.compile(
    r"(?<![A-Za-z])(?:to (?:find|get|obtain|compute|reach|determine|check|verify|show|prove)|finding|getting|computing"
    r"|rounding|(?:express|round|write|give|provide|enter)|if|suppose|assum\w{1,4}|maybe|perhaps|might|claim\w{0,3}|told"
    rf"|whether|{stance.PERHAPS}|si|wenn|falls"
    r"|(?:could|might|may|would) think|doubt|false|wrong|incorrect|tempting|earlier|previous|unclear|thought|wrote"
    r"|bound|twice|negative of|(?:not|\w+n['’]t) (?:think|believe|clear|true))"
    rf"(?: [\"“]?[a-z]+){{0,3}} \Z|(?:{stance.SUPPOSED}|возможно,?|если) ?\Z",
    re.IGNORECASE,
)
"""What stands before a cue that states no answer: ``to find the answer``, ``maybe the answer``."""
_UNSAID = re.compile(
    r"~~[^~\n]{1,200}~~|<!--.*?-->|```\w*(?=\n|\Z)|<<[^<>\n]{1,200}>>|<\|[^|<>\n]{1,40}\|>\w*\s*\Z", re.DOTALL
)
"""What is struck out, a comment, a calculator's note (``<<2*3=6>>``) or the last token of a chat."""
_BOLD_VALUE = re.compile(r"(?<==)( ?)(\*{1,2})([^*\n]{1,200})\2")  # 20 + 80 = **100**
_END_OF_DISPLAY = re.compile(r"[.,;]? *(\\\]|\\\)|\$\$)\Z")
_DISPLAY = re.compile(r"\\\[[^$]{1,500}?\\\]|\$\$[^$]{1,500}\$\$|\\\([^$]{1,500}?\\\)")
_SENTENCE_END = re.compile(
    r"(?<=[.?])(?:(?<!\A[A-J]\.)(?<!\n[A-J]\.)|(?=\s+(?:Wait|Actually|But)\b))[*_)\"']*\s+|(?<=!)[*_)\"']*\s+(?![=+*/×·\\-])"
    r"|(?<=[。！？।])|\n| (?=(?:So|Thus|Hence|Therefore)[, ])"
)
_ALTERNATIVE = re.compile(r"\W*(?:or|alternatively|maybe|perhaps|possibly)\b,? *(?=[^\s.,;!?])", re.IGNORECASE)
"""The start of a second answer: ``The answer is 5. Or 6.``"""
_PROSE = re.compile(
    r"[A-Za-z]{2,} [A-Za-z]{2,}|\$ (?:is|are) \$|\A(?:So|Hence|Thus|Therefore|Then),? |[是为：:] ?(?:\$|\\[(\[])"
)
_BULLET = re.compile(r"\n+[ \t]*(?:[-*•+]|\d{1,2}[.)])[ \t]+(?=\S)")
_BULLETS = re.compile(rf"(?<=[:：])[ *_]*((?:{_BULLET.pattern}[^\n]{{1,100}}){{1,8}})\s*\Z")
_LIST_MARK = re.compile(r"^[ \t]*\d{1,2}[.)][ \t]+(?=\S)", re.MULTILINE)


def unboxed_answer(text: str, wanted: Wanted) -> str | None:
    """The final answer that ``text`` states in prose, or None.

    ``wanted`` is the kind of the gold: sentences are searched for a letter, a number, words or any expression.
    """
    text = _UNSAID.sub("", text[-MAX_TEXT_CHARS:]).strip().replace(" !=", " ≠").replace("{,}", ",")
    text = re.sub(r"(?<=[a-z])\$\^(\d|\{\d\})\$", r"^\1", text)  # cm$^2$
    text = _BOLD_VALUE.sub(r"\1\3", text)
    # No sentence or line ends in a formula; a list is one line.
    text = _DISPLAY.sub(lambda display: _END_OF_DISPLAY.sub(r"\1", display.group().replace("\n", " ")), text)
    text = _BULLETS.sub(lambda lines: re.sub("[.,;]?\n", ",", _BULLET.sub("\n ", lines[1]))[1:], text)
    cue = _last_cue(text)
    if cue is None:
        is_bare = 0 < len(text) <= 100 and "\n" not in text and not _PROSE.search(text)  # odd $n$
        return text if is_bare and wanted in ("words", "expression") else _from_last_sentences(text, wanted)
    if cue["tag"]:
        return text[cue.end() :].partition("</answer>")[0].strip()
    return _stated(text[cue.end() :].lstrip(" \t\n:：*_").removeprefix("is "), wanted)


def _last_cue(text: str) -> re.Match[str] | None:
    """The last ``The answer is`` or the like, unless the words before it deny that."""
    lowered = text.lower()
    if not any(word in lowered for word in (*_ANSWERS, "###")):
        return None
    for cue in reversed(deque(_CUE.finditer(text), maxlen=LAST_CUES)):
        if not _NO_CUE.search(text, max(0, cue.start() - 60), cue.start()):
            return cue
    return None


def _stated(text: str, wanted: Wanted) -> str | None:
    """The answer in the first sentence of ``text``, the text behind a cue, unless what follows takes it back."""
    end = _SENTENCE_END.search(text, 0, MAX_SENTENCE_CHARS)
    sentence = text[: end.start() if end else MAX_SENTENCE_CHARS].strip()
    if end:
        rest = text[end.end() :]
        if alternative := _ALTERNATIVE.match(rest):
            return f"{read(sentence, wanted, stated=True) or sentence} or {rest[alternative.end() :].splitlines()[0]}"
        taken_back = 0 if sentence.endswith("?") else stance.retraction(rest)
        if taken_back is not None:
            return _from_last_sentences(rest[taken_back:], wanted)
    return read(sentence, wanted, stated=True) or (sentence.replace("**", "").rstrip("*_ ") or None)


def _from_last_sentences(text: str, wanted: Wanted) -> str | None:
    """The answer that the last sentences assert, None where they break off or leave it open."""
    text, marks = _LIST_MARK.subn("", text[-(LAST_SENTENCES + 1) * MAX_SENTENCE_CHARS :])
    sentences = [part for part in map(str.strip, _SENTENCE_END.split(text)) if any(map(str.isalnum, part))]
    if marks and re.fullmatch(r"\d{1,2}[.)]", sentences[-1] if sentences else ""):
        return None
    stances = [stance.stance(sentence) for sentence in sentences[: -LAST_SENTENCES - 1 : -1]]
    while stances and stances[0] == "aside":
        del stances[0], sentences[-1]
    if not stances or stance.is_cut_off(sentences):
        return None
    last = [(text, kind) for text, kind in zip(reversed(sentences), stances, strict=False) if kind != "aside"]
    for index, (sentence, kind) in enumerate(last):
        if kind == "unfinished":
            return None
        words = answer_in_words(sentence)
        if read_text(re.sub(rf"\A{_SO}", "", sentence)).phrase == NO_SOLUTION:
            return NO_SOLUTION
        if words and (wanted == "words" or is_number(read_text(words).tree) or re.search("not exist|verges", sentence)):
            return words
        if answer := read(sentence[-MAX_SENTENCE_CHARS:], wanted, stated=False):
            return answer
        if sentence.startswith("But ") or stance.retraction(sentence) is not None:
            del last[index + 1 :]
    in_words = (answer_in_words(sentence) for sentence, _ in last if wanted == "expression")
    return next(filter(None, in_words), None)


def read(sentence: str, wanted: Wanted, *, stated: bool) -> str | None:
    """The answer in a sentence: what comes last, but if ``stated`` behind a cue what comes first (``D, not A``)."""
    spans = letters(sentence) if wanted == "choice" else _values(sentence, wanted)
    if not spans:
        return None
    if wanted == "number" and not stated:
        while len(spans) > 1 and _GIVEN.fullmatch(sentence, spans[-2].end, spans[-1].start + 1):
            spans.pop()
        for count, (span, first) in zip(range(len(spans) - 1, 0, -1), pairwise(spans), strict=True):
            if span.text == str(count) and re.search(r"[Tt]here are .*:\W*\Z", sentence[: first.start]):
                return span.text  # there are 3 of them: 1, 2 and 5
    if limit := stance.condition(sentence, spans[0].end):
        if stance.has_cases(sentence, limit):
            return None
        spans = [span for span in spans if span.start < limit]
    starts_so = stated and (wanted == "choice" or not any(map(str.isalnum, sentence[: spans[0].start])))
    first = last = 0 if starts_so else len(spans) - 1
    while first > 0 and _AGAIN.fullmatch(sentence, spans[first - 1].end, spans[first].start):
        first = last = first - 1
    while first > 0 and _joint(sentence, spans[first - 1], spans[first]):
        first -= 1
    while last < len(spans) - 1 and _joint(sentence, spans[last], spans[last + 1]):
        last += 1
    if wanted != "choice" and first == last:
        answer, end = spelt(sentence, spans[first]), spans[first].end
        other = None if _AGAIN.match(sentence, end) else _ALTERNATIVE.match(sentence, end)
        return f"{answer} or {sentence[other.end() :]}" if other else answer
    return _list(sentence, spans[first : last + 1])


def _joint(sentence: str, before: Span, after: Span) -> re.Match[str] | None:
    """What joins two values as alternatives or a list: `` or `` of ``5 or 6`` and ``5 km or 6 km``."""
    noun = _NOUN.match(sentence, before.end)
    is_shared = noun is not None and sentence.startswith(noun.group(), after.end)
    return _JOINT.fullmatch(sentence, noun.end() if noun and is_shared else before.end, after.start)


def _list(sentence: str, spans: list[Span]) -> str:
    """``spans`` joined by commas, or by ``or`` where the sentence has that between two that differ."""
    answer = spans[0].text
    for before, after in pairwise(spans):
        joint = _joint(sentence, before, after)
        is_or = joint is not None and joint["other"] is not None
        is_same = is_or and Comparison().same(read_text(before.text).tree, read_text(after.text).tree)
        if not is_same:  # 3/4, or 0.75
            answer += (" or " if is_or else ", ") + after.text
    left, right = sentence[spans[0].start - 1 : spans[0].start], sentence[spans[-1].end : spans[-1].end + 1]
    in_brackets = len(spans) > 1 and left and right and left in _OPEN and right in _CLOSE  # (1, x + 1)
    return f"{left}{answer}{right}" if in_brackets else answer


def answer_in_words(sentence: str) -> str | None:
    """``no solution`` of ``There is no solution.``, ``Yes`` of ``Yes, it is.``; None for other sentences."""
    match = _IN_WORDS.fullmatch(re.sub(r"(?:, not|,? (?:since|because|as|given that)) .*", "", sentence))
    return (match["reply"] or match["words"] or match["verb"]) if match else None


def _values(sentence: str, wanted: Wanted) -> list[Span]:
    """The formulas in delimiters; where there are none or a number is wanted, those in plain text."""
    spans = list(_formulas(sentence)) if "$" in sentence or "\\" in sentence else []
    edges = [0, *(edge for span in spans for edge in span[:2]), len(sentence)]
    outside = zip(edges[::2], edges[1::2], strict=True)
    if not spans or (wanted == "number" and any(_NUMBER_SIGN.search(sentence, *gap) for gap in outside)):
        spans = sorted([*spans, *runs(sentence, spans)])
    if len(spans) > 1:
        spans = join(sentence, spans)
    spans = [span for span in spans if _has_value(span, wanted)]
    return [value for span in undenied(sentence, spans) if (value := whole(sentence, span))]


def _has_value(span: Span, wanted: Wanted) -> bool:
    """Whether a span is a formula in delimiters, or more than the letters of a name."""
    if wanted != "number" and re.fullmatch(r"\d+(?:st|nd|rd|th)", span.text):
        return False
    if span.end - span.start > len(span.text) or any(map(str.isdigit, span.text)) or not {*"π∞"}.isdisjoint(span.text):
        return True
    return wanted != "number" and not {*"+-*/^=<>≤≥_("}.isdisjoint(span.text)


def _formulas(sentence: str) -> Iterator[Span]:
    for found in _MATH.finditer(sentence):
        if content := next(filter(None, found.groups()), "").strip():
            percent = _PERCENT.match(sentence, found.end())
            yield Span(found.start(), percent.end() if percent else found.end(), content + ("%" if percent else ""))
