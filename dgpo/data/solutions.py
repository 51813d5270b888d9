"""Text in place of an answer: a whole solution, whose final answer is found, or words that say that there is none. "No
solution" and the empty set are answers.
"""

import re
from functools import lru_cache

from dgpo.verifier.response.extract import boxes
from dgpo.verifier.response.prose import unboxed_answer

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
# Another number of the same statement: 3,5 and 12 apples and 3 pears, and not 3, because 5 is no prime.
_GOES_ON = re.compile(r"(?:(?!, |[.。;；\n(]|(?<![A-Za-z])(?:because|since|as|for|when|if) ).)*\d")
_IDEOGRAM = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
_WORD = re.compile(r"[^\W\d_]{2,}")
_SENTENCES = re.compile(r"[.!?][\"')]*\s+(?=[^\W\d_a-z])|[。！？](?=.)|\n")
_NOTHING = {
    "nan", "none", "null", "nil", "na", "n/a", "n.a", "nat", "undef", "tbd", "tba", "tbc", "pending", "unknown",
    "missing", "proof", "proved", "proven", "qed", "q.e.d", "notfound", "?", "??", "???", "-", "--", "---", "–", "—",
    "…", "...", "_",
    "略", "答案略", "证明略", "见解析", "见答案", "见详解", "暂无", "暂无答案", "待定", "未知",
}  # fmt: skip
_NOTHING_SAID = re.compile(
    r"not (?:available|provided|applicable|found|given|known)|no answer(?: (?:given|provided|available|found))?"
    r"|answer (?:not (?:found|available|given|provided)|omitted|missing|unknown)|proof omitted|todo\b.*"
    r"|to (?:do|be (?:done|determined|added|decided|confirmed|filled in))"
    r"|(?:please )?(?:see|refer to|cf\.?) (?:the )?(?:\w+ )?"
    r"(?:solutions?|explanations?|proofs?|answers?(?: key)?|text|figure|diagram|graph|attachment|appendix|above|below)"
    r"|voir (?:la )?solution|siehe (?:die )?lösung|ver (?:la )?solución|veja a solução|vedi (?:la )?soluzione"
    r"|см\. решение|#(?:n/a|value!?|ref!?|div/0!?|name\?|num!|null!)"
)
_AROUND = re.compile(r"\A(?:\\text\{(.*)\}|\((.*)\)|\[(.*)\]|<(.*)>)\Z", re.DOTALL)
_MOST_WORDS = 20
"""More words than this are no answer that a response could put into a box."""


def is_no_answer(text: str) -> bool:
    """Whether a text says that there is no answer, or is blank."""
    if len(text) > 200:
        return False
    text = text.strip().casefold()
    if around := _AROUND.match(text):
        text = next(group for group in around.groups() if group is not None).strip()
    bare = text.rstrip(".。! ")
    return not text or any(each in _NOTHING or _NOTHING_SAID.fullmatch(each) for each in (text, bare))


@lru_cache(maxsize=64)  # of a row's answer it is asked several times
def is_solution(text: str) -> bool:
    """Whether a text derives its answer, or states it in a sentence, instead of being the answer."""
    rest = text
    for start, end, _ in reversed(boxed := boxes(text)):
        rest = rest[:start] + rest[end:]
    prose = _FORMULA.sub(" ", rest)
    if _MARK.search(text) or _STATED.search(prose) or _BEGINS.match(text):
        return True
    words = len(_WORD.findall(prose)) + len(_IDEOGRAM.findall(prose)) // 2
    reasons, parts = _REASONS.search(rest), _SENTENCES.search(rest.strip())
    leads = boxed and _WORD.search(_FORMULA.sub(" ", text[: boxed[0][0]]))  # and no unit behind the box
    return words > _MOST_WORDS or bool(
        leads or (boxed and words >= 2) or (reasons and parts and words >= 2) or ((reasons or parts) and words >= 4)
    )


def final_answer(solution: str) -> str:
    """The answer that a solution marks: after its last `####`, between `<answer>` tags, in its only box, in a sentence
    that states it, or all that follows `</think>`.

    Raises ValueError, with a likely answer, where none or several are marked.
    """
    text = solution.rpartition("</think>")[2]
    if "####" in text:
        answers = [text.rpartition("####")[2].strip().split("\n")[0]]
    elif tagged := _TAG.findall(text):
        answers = [each.strip() for each in tagged]
    elif boxed := boxes(text):
        answers = [content.strip() for _, _, content in boxed]
    else:
        answer = ((unboxed_answer(text, "expression") or "") if _STATED.search(text) else text).strip()
        answers = [answer]
        if (spaced := answer.replace(", ", " ")) in text:
            answers.append(spaced)
        if answer in text and (more := _GOES_ON.match(text.rpartition(answer or " ")[2])):
            answers.append(answer + more[0])
        if re.fullmatch(r"-?\d+,\d\d?", answer):  # a decimal comma, or a list
            answers.append(answer.replace(",", "."))
    answers = list(dict.fromkeys(answers))
    if len(answers) == 1 and answers[0] and not is_solution(answers[0]):
        return answers[0]
    likely = answers if len(answers) > 1 else [unboxed_answer(text, "expression") or ""]
    shown = " or ".join(f"{each!r:.40}" for each in likely[:3] if each and not is_solution(each))
    raise ValueError(f"this is a solution; its answer is {shown or 'nowhere marked'}: give the answer alone")
