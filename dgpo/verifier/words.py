"""Answers in words: ``Even``, ``not enough information``, and the letters of multiple-choice questions."""

import re

from dgpo.verifier.stance import asserted_letters

_WORDS = re.compile(r"(?:[Aa] )?[A-Za-z]{2,}(?:[ '-][A-Za-z]+)*")
_ARTICLE = re.compile(r"(?:an?|the|all) (?=[a-z]{3})")
_LEAD = re.compile(r"(?:it|this|that|(?:the|this) [a-z]+) is ")
_END = re.compile(r"(?<=[a-z]) (?:wins|has (?:a|the) winning strategy)\Z|(?<=infinitely many) solutions\Z")
_CHOICE = re.compile(
    r"\(?(?P<bare>[A-J])\)?[.:)]?"  # B, (B), B.
    r"|\[(?P<square>[A-J])\]"
    r"|(?:option|choice|answer)[ :]*\(?(?P<option>[A-J])\)?[.:]?"
    r"|(?:\((?P<bracketed>[A-J])\)|(?P<dotted>[A-J])[.:)]) ?(?P<after>.+)"  # (B) Paris, B. 12
    r"|(?P<named>A(?= (?-i:[A-Z]))|[B-J]) (?P<name>(?!(?:and|or|only|is|are|has|was)\b)[A-Za-z]{2}.*)",  # B Paris
    re.IGNORECASE | re.DOTALL,
)
NO_SOLUTION = re.compile(r"(?:there (?:is|are) )?no (?:real )?solutions?|(?:the )?empty set", re.IGNORECASE)
"""What ``\\emptyset`` is in words."""
_NAMES = ("bare", "square", "option", "bracketed", "dotted", "named")
_LONE_LETTER = re.compile(r"(?<![A-Za-z])[A-J](?![A-Za-z])")
_ITEM = r"(?:\(?[A-J]\)?|\(\d\))"
_SEVERAL = re.compile(rf"{_ITEM}(?:(?: ?, ?| )?(?:and |& ?)?{_ITEM})+")  # A, C and D; (A)(C); AC; ①③
_SENTENCE = re.compile(r"[a-z]{2,}|[\u4e00-\u9fff]")


def phrase(text: str) -> str | None:
    """The answer in lower case, without an article, when it is made of words alone."""
    if not _WORDS.fullmatch(text):
        return None
    lowered = _END.sub("", _LEAD.sub("", text.lower()))
    return _ARTICLE.sub("", "does not exist" if lowered == "dne" else lowered, count=1)


def choice(text: str) -> str | None:
    """The letter of a multiple-choice answer (``B``, ``(b)``, ``B. Paris``), None where several are named."""
    found = _CHOICE.fullmatch(text)
    if not found or _LONE_LETTER.search(found["after"] or found["name"] or ""):
        return None
    return next(filter(None, (found[name] for name in _NAMES))).upper()


def asserted_choice(text: str) -> str | None:
    """As `choice`, and the one letter that a sentence asserts (``I think it's (D)``, ``D, it can't be A or B``)."""
    letters = asserted_letters(text) if _SENTENCE.search(text) and "\\" not in text else set()
    return choice(text) or (letters.pop() if len(letters) == 1 else None)


def choices(text: str) -> frozenset[str] | None:
    """The letters of an answer that chooses several (``A, C``, ``(A) and (C)``, ``AC``, ``①③``), None for any other."""
    letters = re.findall(r"[A-J]|\d", text)
    if not _SEVERAL.fullmatch(text) or len(set(letters)) < len(letters):
        return None
    return frozenset(letters)
