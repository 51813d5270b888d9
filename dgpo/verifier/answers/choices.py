r"""Letters of multiple-choice answers: ``B``, ``(B) Paris``, the one that a sentence asserts, ``I and III``."""

import re

from dgpo.verifier.text import stance

_UNDENIED = r"(?! ?(?:(?-i:is|was|cannot(?! be determined)|wrong|incorrect|fails)\b|错误|不[正对]))"
_CHOICE = re.compile(
    r"\(?([A-J])\)?[.:)]?"  # B, (B), B.
    r"|\[([A-J])\]"
    r"|(?:option|choice|answer)[ :]*\(?([A-J])\)?[.:]?"
    rf"|(?:\(([A-J])\)|([A-J])[.:)]) ?(?P<after>{_UNDENIED}.+)"  # (B) Paris
    rf"|(?-i:([A-HJ])(?: (?=[A-Z]|the |an? )|[,;] | ?\(| [-–—] ))(?P<name>{_UNDENIED}"  # B Paris, B (Paris)
    r"(?!(?:and|or|only|are|has|it|this|that|which|could|may|might|no|not|nope|never|but|if)\b)[A-Za-z]{2}.*)",
    re.IGNORECASE | re.DOTALL,
)
_NAMING = re.compile(
    r"(?i)(?:(?:i|we|think|believe|(?:woul|['’])d|it(?:'s)?|is|the|correct|right|best|final|my|answer|ans\.?|option|choice"
    r"|so|thus|hence|therefore|must|be|choose|pick|select|go|with|la|die|respuesta|es|antwort|ist|réponse|est|ответ)"
    r"(?![a-z])[ ,:]*"
    r"|[故选项答案是为:所以应因此正确的]+)*(?:(?!or |and )[a-z]+ (?=\(?(?-i:[A-J])(?![A-Za-z])))?"
)
_CHOSEN = re.compile(
    r"(?s)\(?[A-J]\)?(?: is (?:the )?[a-z]+(?: (?:answer|option|choice|one))?| ?选?项?是?(?:正确的?)?)"
    r"(?:[.,;]? ?(?:(?:since|because|as|which (?:is|equals|gives)|not \(?[A-J]|it can(?:not|['’]t) be|不是|因为)"
    r"(?![a-z]).*)?)?"
)
"""Words before the letter of a choice that change nothing, and one noun (``the graph B``); the letter, and why."""
_LONE_LETTER = re.compile(  # but not of A car or D-glucose
    r"(?<![A-Za-z])(?:(?!A (?!is|and|or|but)[a-z])[A-J]|[Ii]{2,3}|[a-j](?=[:).]))(?![A-Za-z]|-[a-z])"
)
_ITEM = r"(?:\(?[A-J]\)?|\(\d\))"
_DOUBTED = re.compile(rf"\b(?:{stance.DOUBT}|or(?! \W*[A-J]\b))(?!\w)", re.IGNORECASE)
_SEVERAL = re.compile(  # I and III; A, C and D; (A)(C); AC; ①③
    rf"(?P<roman>[IV]{{1,3}}(?:(?: ?, ?| )(?:and |& ?)?[IV]{{1,3}})+)|{_ITEM}(?:(?: ?, ?| )?(?:and |& ?)?{_ITEM})+"
)


def choice(text: str) -> str | None:
    """The letter of a multiple-choice answer (``B``, ``(b)``, ``B. Paris``), None where several are named."""
    match = _CHOICE.fullmatch(text)
    if not match:
        return None
    letter = next(filter(None, match.groups())).upper()
    others = {*_LONE_LETTER.findall(match["after"] or match["name"] or "")}
    return letter if others <= {letter} | (set() if letter == "I" else {"I", "II", "III"}) else None


def asserted_choice(text: str) -> str | None:
    """As `choice`, or the one letter that a sentence asserts beside harmless words (``I think it's (D)``)."""
    if _DOUBTED.search(text):
        return None
    named = text if _CHOICE.fullmatch(text) else _NAMING.sub("", text, count=1)
    letters, letter = {span.text.strip("()") for span in stance.letters(text)}, choice(named)
    if len(letters) == 1 and _CHOSEN.fullmatch(named):
        return letters.pop()
    return letter if named == text or letter in letters else None


def choices(text: str) -> frozenset[str] | None:
    """The letters of an answer that chooses several (``A, C``, ``(A) and (C)``, ``AC``, ``①③``), None for any other."""
    match = _SEVERAL.fullmatch(text)
    letters = re.findall(r"[IV]+" if match and match["roman"] else r"[A-J]|\d", text)
    if not match or len(set(letters)) < len(letters):
        return None
    return frozenset(letters)
