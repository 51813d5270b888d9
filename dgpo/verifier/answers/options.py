r"""The options that a multiple-choice problem shows: ``(A) 57 (B) 58``, ``A. 57``, ``\textbf{(A)}\ 57``."""

from collections.abc import Mapping
from functools import lru_cache

from dgpo.verifier.answers.reading import Reading, read
from dgpo.verifier.text.lexer import lex
from dgpo.verifier.text.tokens import Tokens, Unreadable, has, latex

LETTERS = "ABCDEFGHIJ"


@lru_cache(maxsize=1024)  # a group of responses has one problem
def options_in(problem: str) -> Mapping[str, Reading]:
    """The texts of the options by their letters, which run from A; empty without two."""
    try:
        tokens = lex(problem)
    except Unreadable:
        return {}
    places: list[tuple[int, int]] = []
    for start in range(len(tokens)):
        letter, width = _mark(tokens[start : start + 3])
        if letter == "A":
            places = []  # the last list of options
        if letter and letter == LETTERS[len(places) : len(places) + 1]:
            places.append((start, start + width))
    ends = [start for start, _ in places[1:]]
    texts = [tokens[behind:end] for (_, behind), end in zip(places, (*ends, None), strict=False)]
    return {letter: read(latex(text)) for letter, text in zip(LETTERS, texts, strict=False)} if len(texts) > 1 else {}


def _mark(tokens: Tokens) -> tuple[str, int]:
    """The letter of an option's mark, ``(A)``, ``A.`` or ``A)``, with which these tokens begin, and its width."""
    if has(tokens[:1], "open") and has(tokens[1:2], "name", *LETTERS) and has(tokens[2:], "close"):
        return str(tokens[1].value), 3
    is_led = has(tokens[1:2], "sign", ".", ":") or has(tokens[1:2], "close", ")")
    return (str(tokens[0].value), 2) if is_led and has(tokens[:1], "name", *LETTERS) else ("", 0)
