"""The part of an answer that a judge may see: mathematics, in the lexer's own spelling.

A policy writes the answer and learns whatever makes a judge accept it. So the judge never sees its text: the lexer
removes tags, colours, invisible characters and line breaks, and only words of mathematics or of the ground truth pass,
which cannot instruct a judge.
"""

import re

from dgpo.verifier.comparison.echo import is_echo
from dgpo.verifier.expressions.values import OutOfTime, limited_to
from dgpo.verifier.stages import Pair
from dgpo.verifier.text.spelling import ACCENTS, COMMANDS, FUNCTIONS, GREEK, WITH_ARGUMENTS, vocabulary

MAX_CHARS = 300
"""Of an answer whose ground truth is not half as long itself."""

_CHARACTERS = re.compile(r"[A-Za-z0-9\s\\{}()\[\]+*/^_=<>|.,:;!'%&-]*")
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_WORD = re.compile("[A-Za-z]{2,}")
_LETTER = re.compile("(?<![A-Za-z])[A-Za-z](?![A-Za-z])")
_SPELT = re.compile(r"(?<![A-Za-z])[A-Za-z](?:\s+[A-Za-z](?![A-Za-z])){2,}")
_OPERANDS = GREEK | {"infty", "mathbb", "emptyset"}
_KNOWN = (
    _OPERANDS
    | frozenset(ACCENTS)
    | FUNCTIONS
    | frozenset(name for name, _ in WITH_ARGUMENTS.values())
    | frozenset(name for _, _, latex in COMMANDS.values() for name in _COMMAND.findall(latex))
    | vocabulary(
        "text operatorname begin end le ge ne in approx equiv to mapsto rightarrow Rightarrow implies iff subset"
        " subseteq notin perp parallel angle triangle sum prod int oint lim partial nabla cong sim propto neg bigcup"
        " bigcap exists forall pmod bmod"
    )
)
_WORDS = FUNCTIONS | vocabulary(
    "a aligned all an and any are array at bmatrix both by cases composite divides divisible each either even"
    " every except for form from if implies in integer integers is least less matrix mod modulo more most multiple"
    " multiples natural negative neither no none nonnegative nonzero nor not number numbers odd of on or otherwise"
    " over pair pairs pmatrix positive power powers prime primes rational real solution solutions some such than"
    " that the then there to vmatrix when where whole with"
)
_VERDICTS = frozenset("ABC")
_SPOKEN = (
    "accept", "answer", "correct", "ignore", "instruct", "judge", "match", "reply", "right", "system", "true",
    "verdict", "yes",
)  # fmt: skip
"""Words that could instruct a judge, which letters may not spell even with signs between them."""


def candidate(pair: Pair, problem: str | None) -> str | None:
    """The answer as a judge sees it, or None if it must not see it.

    A judge does not see: the letter of a choice, whose spellings the rules know; an expression of the problem; a single
    symbol, empty braces, or an answer without number and name; an answer longer than `MAX_CHARS`; other words, even
    spelt letter by letter; and the letters of a verdict if the ground truth has none.
    """
    gold, answer = pair.gold, pair.reading
    text = answer.latex.strip()
    if not _CHARACTERS.fullmatch(text) or len(text) > max(MAX_CHARS, 2 * len(gold.latex)):
        return None
    if len(answer.tokens) < 2 or "{}" in text.replace(" ", ""):
        return None
    try:
        with limited_to(1.0):
            if gold.is_choice or (problem is not None and is_echo(problem, gold, answer)):
                return None
    except OutOfTime:
        return None
    commands = set(_COMMAND.findall(text))
    rest = _COMMAND.sub(lambda match: "*" if match[1] in _KNOWN else f" {match[1]} ", text)
    words = {word.lower() for word in _WORD.findall(rest)}
    if not words <= _WORDS | {word.lower() for word in _WORD.findall(gold.latex)} or _SPELT.search(rest):
        return None
    letters = "".join(_LETTER.findall(rest))
    if any(word in letters.lower() for word in _SPOKEN) or _VERDICTS & {*letters} - {*_LETTER.findall(gold.latex)}:
        return None
    return text if letters or commands & _OPERANDS or re.search(r"\d", text) else None
