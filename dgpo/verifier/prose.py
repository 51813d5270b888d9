r"""The final answer of a text without a box: ``Answer: 5``, ``the answer is (C)``, ``#### 5``, ``<answer>5</answer>``,
or what its last sentences assert. Only the opt-in ``extract`` mode reads this.

The last answer stated counts, and what follows it only if it takes it back.
"""

import re
from collections import deque

from dgpo.verifier.sentence import Wanted, read, said
from dgpo.verifier.stance import is_cut_off, retraction, stance

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
    r"|[^.\n:：$\\?!]{0,40}?(?:[:：]|(?<![A-Za-z])(?:is|est|es|ist|è|é)(?![A-Za-z])(?! (?:expected|supposed|found)))"
    r"|\s*(?=\$|\\[(\[])|[ \t*]*\n)",
    re.IGNORECASE | re.MULTILINE,
)
_CUE_WORDS = ("answer", "###", "respuesta", "resposta", "antwort", "risposta", "réponse", "ответ", "答案", "答え")
_NO_CUE = re.compile(
    r"(?<![A-Za-z])(?:to (?:find|get|obtain|compute|reach|determine|check|verify)|finding|getting|computing|rounding"
    r"|(?:express|round|write|give|provide|enter)|if|suppose|assum\w{1,4}|maybe|perhaps|might|claim\w{0,3}|told|whether)"
    r"(?: [a-z]+){0,3} \Z",
    re.IGNORECASE,
)
"""What makes talk of the answer no statement of it: ``to find the ...``, ``maybe the ...``."""
_CHAT_TOKEN = re.compile(r"<\|[^|<>\n]{1,40}\|>\w*\s*\Z")
_BOLD_VALUE = re.compile(r"(?<==)( ?)(\*{1,2})([^*\n]{1,200})\2")  # 20 + 80 = **100**
_CALCULATOR = re.compile(r"<<[^<>\n]{1,200}>>")
_DISPLAY = re.compile(r"\\\[[^$]{1,500}?\\\]|\$\$[^$]{1,500}\$\$|\\\([^$]{1,500}?\\\)")
_SENTENCE_END = re.compile(
    r"(?<=[.?])(?<!\A[A-J]\.)(?<!\n[A-J]\.)[*_)\"']*\s+|(?<=!)[*_)\"']*\s+(?![=+*/×·\\-])|(?<=[。！？।])|\n"
    r"| (?=(?:So|Thus|Hence|Therefore)[, ])"
)
_ALTERNATIVE = re.compile(r"\W*(?:or|alternatively|maybe|perhaps|possibly)\b,? *(?=\S)", re.IGNORECASE)
"""An afterthought: ``The answer is 5. Or 6.``"""
_PROSE = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,}|\A(?:So|Hence|Thus|Therefore|Then),? ")
_LIST_MARK = re.compile(r"^[ \t]*\d{1,2}[.)][ \t]+(?=\S)", re.MULTILINE)


def unboxed_answer(text: str, wanted: Wanted) -> str | None:
    """The final answer that ``text`` states in prose, or None. A text whose ``<think>`` never closes has none.

    ``wanted`` is what the gold is and so how a sentence is read: for a letter, a number or any expression.
    """
    text = text[-MAX_TEXT_CHARS:].strip()
    if "<" in text:
        if "<think>" in text:
            return None
        text = _CALCULATOR.sub("", _CHAT_TOKEN.sub("", text)).strip()
    if "*" in text:
        text = _BOLD_VALUE.sub(r"\1\3", text)
    if "\n" in text and ("$$" in text or "\\" in text):
        text = _DISPLAY.sub(lambda display: display.group().replace("\n", " "), text)
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
        if found := read(sentence[-MAX_SENTENCE_CHARS:], wanted, stated=False):
            return found
        if sentence.startswith("But ") or retraction(sentence) is not None:
            del last[index + 1 :]
    return next(filter(None, (said(sentence) for sentence, _ in last)), None) if wanted == "expression" else None
