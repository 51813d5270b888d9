"""A text, read once: its tokens, its tree, and what it is in words. The answers to one problem repeat each other."""

import re
from functools import cached_property, lru_cache

from dgpo.verifier import words
from dgpo.verifier.grammar import read_answer
from dgpo.verifier.lexer import lex
from dgpo.verifier.splitting import opened, plain, symbols
from dgpo.verifier.tokens import Token, Tokens, Unreadable, latex, vocabulary
from dgpo.verifier.tree import Answer

_LEADS = vocabulary("so thus therefore hence the final correct")
_ORNAMENTS = ("checkmark", "blacksquare", "square", "Box", "qed", "ldotp")
_SUBJECTS = vocabulary("answer solution result")
_HAN_LEAD = re.compile("(?:所以|因此|故)?(?:正确)?(?:答案?|结果|最[大小]值)?(?:[是为共有]|等于|一共|共有)?")


class Reading:
    """What one text says, each way of reading it on the first need.

    Attributes:
        tokens: Without the talk before an answer (``The answer is``) and the punctuation behind it; empty where
            nothing is there or the text cannot be read.
    """

    def __init__(self, text: str) -> None:
        try:
            self.tokens = without_talk(lex(text))
        except Unreadable:
            self.tokens = ()

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        return symbols(opened(self.tokens))

    @cached_property
    def plain(self) -> str:
        return plain(self.tokens)

    @cached_property
    def latex(self) -> str:
        return latex(self.tokens)

    @cached_property
    def tree(self) -> Answer:
        return read_answer(self.tokens)

    @cached_property
    def phrase(self) -> str | None:
        return words.phrase(self.plain)

    @cached_property
    def choice(self) -> str | None:
        return words.choice(self.plain)

    @cached_property
    def choices(self) -> frozenset[str] | None:
        return words.choices(self.plain)


@lru_cache(maxsize=4096)
def read(text: str) -> Reading:
    return Reading(text)


def without_talk(tokens: Tokens) -> Tokens:
    """The tokens of an answer without what leads up to it and what ends it."""
    tokens = opened(tokens)
    while tokens and tokens[0].is_("command", "therefore", "implies", "Rightarrow"):
        tokens = tokens[1:]
    tokens = _without_lead(tokens)
    if len(tokens) > 1 and tokens[0].is_("relation", "="):
        tokens = tokens[1:]
    while tokens and (_is_ornament(tokens[-1]) or tokens[-1].is_("join", ",", ";") or tokens[-1].is_("sign", ".")):
        tokens = tokens[:-1]
    return opened(tokens)


def _is_ornament(token: Token) -> bool:
    """What ends a proof or a line: ``\\checkmark``, ``\\blacksquare``."""
    return token.kind == "row" or token.is_("command", *_ORNAMENTS) or token.is_("word", "✓", "✔", "✅", "□", "■")


def _without_lead(tokens: Tokens) -> Tokens:
    if len(tokens) > 1 and tokens[0].kind == "word" and _HAN_LEAD.fullmatch(str(tokens[0].value)):
        return tokens[1 + tokens[1].is_("sign", ":") :]
    verb = next((index for index, token in enumerate(tokens) if token.word == "is" or token.value in (":", "=")), 0)
    said = [token.word for token in tokens[:verb] if token.kind != "join"]
    subject = said[: said.index("to")] if "to" in said else said
    if not _SUBJECTS & {*subject[-1:]} or not {*subject[:-1]} <= _LEADS or not all(said):
        return tokens
    while verb < len(tokens) and (tokens[verb].word == "is" or tokens[verb].value in (":", "=")):
        verb += 1
    return tokens[verb:] or tokens
