"""A text read once, as tokens, as a tree and in words, and remembered: the answers to one problem repeat each other."""

import re
from functools import cached_property, lru_cache
from itertools import takewhile
from unicodedata import category

from dgpo.verifier.answers.choices import choice, choices
from dgpo.verifier.answers.grammar import read_answer
from dgpo.verifier.answers.number_sets import WholeNumbers, number_set, whole_numbers
from dgpo.verifier.answers.phrases import behind_reply, phrase
from dgpo.verifier.expressions.quantities import read_sum
from dgpo.verifier.expressions.tree import Answer, Value
from dgpo.verifier.text.lexer import lex
from dgpo.verifier.text.splitting import opened, plain, symbols
from dgpo.verifier.text.tokens import EQUALS, Token, Tokens, Unreadable, has, has_any, latex, vocabulary

_LEADS = vocabulary("so thus therefore hence the final correct only such")
_EXACT, _ROUGH, _COUNTS = map(vocabulary, ("exactly only precisely is equals", "about around", "no infinitely"))
_ORNAMENTS = ("checkmark", "blacksquare", "square", "Box", "qed", "ldotp")
_SUBJECTS = vocabulary("answer solution result equation integer number prime pair triple function polynomial")
_CURVES = vocabulary("circle ellipse parabola hyperbola line plane curve sphere equation")
_SAID = re.compile(rf" (?:is|are) the (?:(?:only|unique|final|correct|such|\w+est) )*(?:{'|'.join(_SUBJECTS)})s?\Z")
_HAN_LEAD = re.compile("(?:所以|因此|故)?(?:正确)?(?:答案?|结果|最([大小])值)?(?:[是为共有]|等于|一共|共有)?")
_EXTREMES = {han: (Token("word", name, name), EQUALS) for han, name in (("大", "maximum"), ("小", "minimum"))}
_STARTS_LIKE_A_CHOICE = re.compile(r"[(\[]?[A-J]")


class Reading:
    """What one text says, read in each way on the first use.

    Attributes:
        tokens: Without the words before an answer (``The answer is``) and the punctuation behind it; empty where
            nothing is left or the text cannot be read.
    """

    def __init__(self, text: str) -> None:
        try:
            self.tokens = without_talk(lex(text))
        except Unreadable:
            self.tokens = ()

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        return symbols(self.tokens)

    @cached_property
    def plain(self) -> str:
        return plain(self.tokens)

    @cached_property
    def latex(self) -> str:
        return latex(self.tokens)

    @cached_property
    def sum(self) -> Value | None:
        """The value of a number, or of a sum of numbers and letters: it is neither words nor a choice nor a list."""
        return read_sum(self.tokens) if len(self.tokens) > 1 or has_any(self.tokens, "number") else None

    @cached_property
    def tree(self) -> Answer:
        return self.sum or read_answer(self.tokens)

    @cached_property
    def phrase(self) -> str | None:
        return None if number_set(self.tokens) else phrase(self.plain)

    @cached_property
    def behind_reply(self) -> str:
        return behind_reply(self.plain)

    @cached_property
    def whole_numbers(self) -> WholeNumbers | None:
        return whole_numbers(self.plain, is_answer=False)

    @cached_property
    def choice(self) -> str | None:
        return choice(self.plain)

    @cached_property
    def is_choice(self) -> bool:
        """Whether it is a choice by its letter (``B``, ``(B) Paris``), as ground truths have it."""
        return self.choice is not None and bool(_STARTS_LIKE_A_CHOICE.match(self.plain))

    @cached_property
    def text_of_choice(self) -> "Reading | None":
        r"""``24`` of ``\textbf{(C)}\ 24``; None where the text is no choice, or its letter alone."""
        width = 3 if self.plain.startswith("(") else 2
        mark, text = self.tokens[width - 1 : width], self.tokens[width:]
        is_marked = has(mark, "close", ")") or has(mark, "sign", ".", ":")
        return read(latex(text)) if text and is_marked and self.is_choice else None

    @cached_property
    def choices(self) -> frozenset[str] | None:
        return choices(self.plain)


@lru_cache(maxsize=4096)
def read(text: str) -> Reading:
    return Reading(text)


def without_talk(tokens: Tokens) -> Tokens:
    """``5`` of ``\\therefore The answer is 5.``: an answer without its introduction and what ends it."""
    tokens = opened(tokens)
    while len(tokens) > 1 and (width := _lead_width(tokens)):
        tokens = tokens[width:]
    has_words = has_any(tokens, "word")
    if has_words:
        tokens = _without_lead(tokens)
    while len(tokens) > 1 and (tokens[0].kind == "cell" or tokens[0].value in ("=", ":")):
        tokens = tokens[1:]
    while tokens and _says_nothing(tokens[-1]):
        tokens = tokens[:-1]
    if has_words:
        last = " ".join(token.word or "." for token in tokens[-7:])
        said = _SAID.search(last)  # (2, 3) is the only solution
        tokens = tokens[: -len(said.group().split())] if said else tokens
    return opened(tokens)


def _lead_width(tokens: Tokens) -> int:
    r"""How many first tokens say nothing: of ``\therefore``, ``only 2``, ``Statement I``, ``about 12.7``."""
    first, second = tokens[0].word, tokens[1].word
    if first in ("there", "we") and second in ("are", "is", "have", "exist"):
        return 2 * any(token.kind == "number" or token.word in _EXACT | _COUNTS for token in tokens[2:3])
    if first in ("all", "the") and second.removesuffix("s") in ("function", "polynomial"):  # the functions f(x) = x
        return 2 * (has(tokens[2:3], "name") and has(tokens[3:4], "open", "(") and has(tokens[4:], "relation", "="))
    if first in ("all", "the") and second.removesuffix("s") in ("pair", "triple", "solution"):  # all pairs (a, a)
        return 2 * has(tokens[2:3], "open", "(")
    if first == "the" and second in _CURVES and tokens[2:] and not tokens[2].word:  # the circle x^2 + y^2 = 1
        return 2 * has(tokens[2:], "relation", "=")
    is_numeral = set(str(tokens[1].value)) <= {*"IV"} and first in ("statement", "statements", "quadrant")
    is_adverb = (first in _EXACT and second not in ("if", "when")) or (first in _ROUGH and tokens[1].is_decimal)
    is_adverb |= first in ("in", "by", "at") and tokens[1].kind == "number"  # in 5 hours
    return int(is_numeral or is_adverb or tokens[0].is_("command", "therefore", "implies"))


def _says_nothing(token: Token) -> bool:
    """Whether a last token says nothing: a comma, ``\\checkmark``, ``only`` of ``I and III only``."""
    if token.kind == "word":
        return token.word == "only" or (category(token.word[0]) == "So" and token.word not in "❌❎✗✘🚫")  # ✓
    if token.kind in ("join", "sign"):
        return token.value in (",", ";", ".")
    return token.kind == "row" or (token.kind == "command" and token.value in _ORNAMENTS)


def _without_lead(tokens: Tokens) -> Tokens:
    if len(tokens) > 1 and tokens[0].kind == "word" and (lead := _HAN_LEAD.fullmatch(str(tokens[0].value))):
        value = tokens[1 + tokens[1].is_("sign", ":") :]
        is_list = lead[1] and has_any(value, "relation", "join")  # the largest is 5, the smallest is 3
        return tokens if is_list else (*_EXTREMES.get(lead[1], ()), *value)
    are_parting = [token.word in ("is", "are") or token.value in (":", "=", ".") for token in tokens]
    verb = are_parting.index(True) if True in are_parting else 0
    words = [token.word for token in tokens[:verb] if token.kind != "join"]
    subject = [*takewhile(lambda word: word not in ("to", "of"), words)]
    is_of_answer = "".join(subject[-1:]).removesuffix("s") in _SUBJECTS
    if not is_of_answer or not {*subject[:-1]} <= _LEADS or not all(words):
        return tokens
    while True in are_parting[verb : verb + 1]:
        verb += 1
    return tokens[verb:] or tokens
