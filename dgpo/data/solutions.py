"""Whole solutions where an answer belongs: which texts are one, and the final answer that it marks."""

import re

from dgpo.verifier.extract import boxes
from dgpo.verifier.prose import unboxed_answer

_TAG = re.compile(r"<answer>(.*?)(?:</answer>|\Z)", re.DOTALL)
_MARK = re.compile(r"####|</?think>|<answer>|<<[^<>\n]+>>")
_STATED = re.compile(
    r"(?<![A-Za-z])(?:answer|solution|result|respuesta|resposta|réponse|risposta|antwort|lösung|ответ|答案|答え|정답"
    r"|đáp án)"
    r"[*_]{0,2}\s*(?:[:：=是为は은]|(?:final|correct|finale|lautet)?\s*(?:is|are|es|est|ist|è|é|lautet|là)(?![A-Za-z]))",
    re.IGNORECASE,
)
_REASONS = re.compile(
    r"(?<![A-Za-z])(?:so|hence|thus|therefore|because|since|we (?:have|get|obtain|find|see|know|need|can)|let|first"
    r"|step \d|donc|ainsi|also|daher|deshalb|por lo tanto|así que|portanto|quindi|поэтому|следовательно)(?![A-Za-z])"
    r"|因此|所以|因为|由于|故选|解[:：]|したがって|따라서",
    re.IGNORECASE,
)
_BEGINS = re.compile(r"\s*(?:(?:so|hence|thus|therefore|because|since)[ ,]|故|所以|因此|因为|解[:：])", re.IGNORECASE)
_FORMULA = re.compile(r"\$[^$]*\$|\\\(.*?\\\)|\\\[.*?\\\]|\\text\{[^{}]*\}|\\[A-Za-z]+", re.DOTALL)
_IDEOGRAM = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
_WORD = re.compile(r"[^\W\d_]{2,}")
_SENTENCES = re.compile(r"[.!?][\"')]*\s+(?=[^\W\d_a-z])|[。！？](?=.)|\n")
_MOST_WORDS = 20
"""More words than this are no answer that a response could put into a box."""


def is_solution(text: str) -> bool:
    """Whether a text shows how an answer is found, or says in a sentence what it is."""
    rest = text
    for start, end, _ in reversed(boxed := boxes(text)):
        rest = rest[:start] + rest[end:]
    prose = _FORMULA.sub(" ", rest)
    if _MARK.search(text) or _STATED.search(prose) or _BEGINS.match(text):
        return True
    words = len(_WORD.findall(prose)) + len(_IDEOGRAM.findall(prose)) // 2
    reasons, parts = _REASONS.search(rest), _SENTENCES.search(rest.strip())
    return words > _MOST_WORDS or bool(
        (boxed and words >= 3) or (reasons and parts and words >= 2) or ((reasons or parts) and words >= 4)
    )


def final_answer(solution: str) -> str:
    """What a solution marks as its answer: after its last `####`, between `<answer>` tags, in the only box, in a
    sentence that says so, or all that follows its `</think>`.

    Raises ValueError, with the answer that it may have, where nothing marks one, or where several are marked.
    """
    text = solution.rpartition("</think>")[2]
    if "####" in text:
        found = [text.rpartition("####")[2].strip().split("\n")[0]]
    elif tagged := _TAG.findall(text):
        found = [each.strip() for each in tagged]
    elif boxed := boxes(text):
        found = [content.strip() for _, _, content in boxed]
    else:
        found = [(unboxed_answer(text, "expression") or "").strip()] if _STATED.search(text) else [text.strip()]
    found = list(dict.fromkeys(found))
    if len(found) == 1 and found[0] and not is_solution(found[0]):
        return found[0]
    likely = found if len(found) > 1 else [unboxed_answer(text, "expression") or ""]
    shown = " or ".join(f"{each!r:.40}" for each in likely[:3] if each and not is_solution(each))
    raise ValueError(f"this is a solution; its answer is {shown or 'nowhere marked'}: give the answer alone")
