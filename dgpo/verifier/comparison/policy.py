r"""The decisions a person may argue about, each a function: hedges, words, letters of choices.

docs/verifier.md has a row for each; what an equation claims is in `equations`.
"""

import re
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

from dgpo.verifier.answers.choices import asserted_choice
from dgpo.verifier.answers.grammar import read_answer
from dgpo.verifier.answers.number_sets import same_numbers, whole_numbers
from dgpo.verifier.answers.phrases import NO_SOLUTION, phrase
from dgpo.verifier.answers.reading import Reading
from dgpo.verifier.comparison import equations
from dgpo.verifier.expressions.points import COUNTERS
from dgpo.verifier.expressions.tree import Answer, Equation, Given, Named, Node, Ratio, Region, Several, Value
from dgpo.verifier.text.tokens import has, has_any

_NEGATION = re.compile(r"n ?['’] ?t\b|\b(?:not|never)\b|(?<=can)not\b")


@lru_cache(maxsize=4096)
def has_many_values(gold: Reading) -> bool:
    """Whether a ground truth asks for several values: a list, a tuple, a set, a union, both signs, alternatives."""
    has_joint = has(gold.tokens, "join", "or", "and", ";") or has(gold.tokens, "sign", "pm", "mp", "cup", "setminus")
    return has_joint or _is_many(gold.tree)


def _is_many(tree: Answer) -> bool:
    if isinstance(tree, Given):
        return _is_many(tree.value)
    if isinstance(tree, Equation):
        _, value = equations.named_value(tree)
        return bool(equations.chain(tree)) or (value is not None and _is_many(read_answer(value)))
    if isinstance(tree, Region):
        return len(tree.pieces) > 1
    return isinstance(tree, Named) or (isinstance(tree, Several) and (len(tree.items) > 1 or tree.brackets == "{}"))


def offers_alternatives(answer: Reading) -> bool:
    """Whether an answer names several values (``37 or 38``, ``37, 38``), which is a hedge where one is asked for."""
    tree = answer.tree.value if isinstance(answer.tree, Given) else answer.tree
    is_list = isinstance(tree, Several) and tree.brackets == "" and len(tree.items) > 1
    return is_list or isinstance(tree, Named) or (tree is answer.tree and has(answer.tokens, "join", "or", "maybe"))


def without_letters(gold: Reading, answer: Reading) -> tuple[Reading, Reading]:
    """Both without the letter of a choice before its text where that is what is compared: 28 of ``(D) 28``, but not
    ``(1, 2)`` of ``D: (1, 2)`` beside ``A = (1, 2)``.
    """
    if not answer.choices and not asserted_choice(answer.plain):
        return gold.text_of_choice or gold, answer
    is_named = has(gold.tokens[:1], "name", *"ABCDEFGH") and not isinstance(gold.tree, Value)
    is_letter = gold.choice is not None or (gold.choices is not None and not gold.plain.startswith("I"))
    return gold, answer if is_letter or is_named else answer.text_of_choice or answer


def in_words(gold: Reading, answer: Reading, same: Callable[[Answer, Answer], bool | None]) -> bool | None:
    """Whether two answers in words or letters of choices (their texts by ``same``) are the same; else None."""
    wanted = gold.whole_numbers
    given = whole_numbers(answer.plain, is_answer=True) if wanted else None
    if wanted and given and (wanted.kind != given.kind or same_numbers(wanted, given)):
        return wanted.kind == given.kind
    if answer.phrase and gold.phrase:
        shorter = min(len(answer.phrase), len(gold.phrase))
        if answer.phrase == phrase(gold.behind_reply):
            return True  # Yes, it is possible
        if answer.phrase == gold.phrase and (shorter >= 3 or answer.phrase == "no"):
            return _may_say_the_same(gold.behind_reply, answer.behind_reply)
        if shorter > 3 or {answer.phrase, gold.phrase} == {"yes", "no"}:
            return False
    if Several("{}", ()) in (gold.tree, answer.tree):
        return (answer.phrase or gold.phrase) == NO_SOLUTION or gold.tree == answer.tree
    return _in_letters(gold, answer, same)


def _in_letters(gold: Reading, answer: Reading, same: Callable[[Answer, Answer], bool | None]) -> bool | None:
    """As `in_words`, of letters: those of choices, of segments and polygons, and the numbers of statements."""
    if answer.choices and gold.plain in ("(1)", "(2)", "(3)", "(4)", "(5)"):
        return False  # one statement beside several
    if gold.choices and answer.choices:
        return answer.choices == gold.choices
    if gold.choices and gold.plain.startswith("(") and "".join(gold.choices).isdigit():  # (1)(3) is no product
        return same(Several("", tuple(Value(Fraction(number), ()) for number in gold.choices)), answer.tree)
    sides = (gold, answer)
    if all(len(side.tokens) == 1 and side.tokens[0].kind == "word" and side.plain[0].isupper() for side in sides):
        is_segment = len(gold.plain) == 2 and not {*gold.plain} <= {*"IVXLC"}  # PQ is QP, but IV is no VI
        return gold.plain == answer.plain or (is_segment and gold.plain == answer.plain[::-1])
    if not gold.is_choice:
        return None
    letter = asserted_choice(answer.plain)
    if letter != gold.choice:  # another one, or an expression, but not words with a letter or x^2 + y^2 = C
        is_said = has_any(answer.tokens, "word", "relation") or getattr(answer.tree, "unit", "")
        return False if letter or (is_said and not offers_alternatives(answer)) else None
    texts = [side.text_of_choice.tree for side in sides if side.text_of_choice]
    are_formulas = all(isinstance(text, Equation | Named | Ratio | Region | Several | Value) for text in texts)
    return not are_formulas or len(texts) < 2 or same(*texts) is not False  # (B) 24 is not (B) 25


def _may_say_the_same(gold: str, answer: str) -> bool | None:
    """Whether what stands behind two replies has the numbers of ``gold`` (else None) and does not say the opposite."""
    if not {*re.findall(r"\d+", gold)} <= {*re.findall(r"\d+", answer)}:
        return None
    sides = [phrase(said) or said for said in (gold, answer)]
    words = [_NEGATION.sub(" ", said).split() for said in sides]
    is_denied = words[0] == words[1] != [] and bool(_NEGATION.search(sides[0])) != bool(_NEGATION.search(sides[1]))
    return not is_denied and (sides[0] == sides[1] or not all(map(str.isalpha, sides)))


def are_of_other_unknowns(gold: Several, answer: Several) -> bool:
    """Whether two lists are values of different unknowns, or regions of which all hold in one and any in the other:
    ``x > 1 or y < 2`` beside ``x > 1 and y < 2``."""
    if gold.is_either != answer.is_either and any(isinstance(item, Region) for item in gold.items):
        return True
    if not gold.name or not answer.name or gold.name == answer.name:
        return False
    (wanted, *index), (given, *other_index) = gold.name.split("_"), answer.name.split("_")
    are_indexed = bool(index and other_index) and wanted == given
    return are_indexed or {gold.name, answer.name} <= set("xyz")


def may_be_whole(gold: Region, answer: Region) -> bool:
    """Whether a region beside one of whole numbers may be one too: n may be whole without a word of it."""
    whole, other = (gold, answer) if gold.is_whole else (answer, gold)
    is_told = bool(gold is whole and other.variable and whole.variable)
    return whole.is_whole and not other.kind and (other.variable in COUNTERS or is_told)


def times(time: Ratio) -> set[tuple[Node | None, ...]]:
    """The ways to write a time without its half of the day: 3:45 and 15:45 of 3:45 p.m."""
    hour, *rest = written = tuple(term.node for term in time.terms)
    if not time.half or not isinstance(hour, Fraction):
        return {written}
    return {written, (hour % 12 + 12 * (time.half == "pm"), *rest)}
