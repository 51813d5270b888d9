"""What tables and people write where there is no answer. No solution and the empty set are answers."""

import re

_WORDS = {
    "nan", "none", "null", "nil", "na", "n/a", "n.a", "nat", "undef", "tbd", "tba", "tbc", "pending", "unknown",
    "missing", "proof", "notfound", "?", "??", "???", "-", "--", "---", "–", "—", "…", "...", "_",
    "略", "答案略", "证明略", "见解析", "见答案", "见详解", "暂无", "暂无答案", "待定", "未知",
}  # fmt: skip
_PHRASE = re.compile(
    r"not (?:available|provided|applicable|found|given|known)|no answer(?: (?:given|provided|available|found))?"
    r"|answer (?:not (?:found|available|given|provided)|omitted|missing|unknown)|proof omitted|todo\b.*"
    r"|to (?:do|be (?:done|determined|added|decided|confirmed|filled in))"
    r"|(?:please )?(?:see|refer to|cf\.?) (?:the )?(?:\w+ )?"
    r"(?:solutions?|explanations?|proofs?|answers?(?: key)?|text|figure|diagram|graph|attachment|appendix|above|below)"
    r"|voir (?:la )?solution|siehe (?:die )?lösung|ver (?:la )?solución|veja a solução|vedi (?:la )?soluzione"
    r"|см\. решение|#(?:n/a|value!?|ref!?|div/0!?|name\?|num!|null!)"
)
_AROUND = re.compile(r"\A(?:\\text\{(.*)\}|\((.*)\)|\[(.*)\]|<(.*)>)\Z", re.DOTALL)


def is_no_answer(text: str) -> bool:
    """Whether a text says that there is no answer, or is blank."""
    if len(text) > 200:
        return False
    text = text.strip().casefold()
    if around := _AROUND.match(text):
        text = next(group for group in around.groups() if group is not None).strip()
    bare = text.rstrip(".。! ")
    return not text or text in _WORDS or bare in _WORDS or bool(_PHRASE.fullmatch(bare) or _PHRASE.fullmatch(text))
