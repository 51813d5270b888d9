r"""The decisions a person may argue about, each a function. docs/verifier.md has a row for each.

They say what an answer claims; `equality` compares the claims with the ground truth.
"""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from dgpo.verifier.answers.grammar import read_answer
from dgpo.verifier.answers.naming import Name, differ, read_name
from dgpo.verifier.answers.number_sets import same_numbers, whole_numbers
from dgpo.verifier.answers.reading import NO_SOLUTION, Reading, asserted_choice
from dgpo.verifier.expressions.arithmetic import exact
from dgpo.verifier.expressions.evaluation import COUNTERS
from dgpo.verifier.expressions.tree import Answer, Equation, Given, Named, Node, Ratio, Region, Several, Value
from dgpo.verifier.expressions.values import equal, real_value
from dgpo.verifier.text.splitting import split
from dgpo.verifier.text.tokens import Tokens, has, has_any

MAX_SIDES = 4
MIN_DIGITS = 3
"""Of a decimal ground truth that an exact answer may round to."""
MAX_PLACES = 60


@lru_cache(maxsize=4096)
def has_many_values(gold: Reading) -> bool:
    """Whether a ground truth asks for several values: a list, a tuple, a set, a union, both signs, alternatives."""
    has_joint = has(gold.tokens, "join", "or", "and", ";") or has(gold.tokens, "sign", "pm", "mp", "cup", "setminus")
    return has_joint or _is_many(gold.tree)


def _is_many(tree: Answer) -> bool:
    if isinstance(tree, Given):
        return _is_many(tree.value)
    if isinstance(tree, Equation):
        _, value = named_value(tree)
        return bool(chain(tree)) or (value is not None and _is_many(read_answer(value)))
    if isinstance(tree, Region):
        return len(tree.pieces) > 1
    return isinstance(tree, Named) or (isinstance(tree, Several) and (len(tree.items) > 1 or tree.brackets == "{}"))


def offers_alternatives(answer: Reading) -> bool:
    """Whether an answer names several values (``37 or 38``, ``37, 38``), which is a hedge where one is asked for."""
    tree = answer.tree.value if isinstance(answer.tree, Given) else answer.tree
    is_list = isinstance(tree, Several) and tree.brackets == "" and len(tree.items) > 1
    return is_list or isinstance(tree, Named) or (tree is answer.tree and has(answer.tokens, "join", "or"))


def without_letters(gold: Reading, answer: Reading) -> tuple[Reading, Reading]:
    """Both without the letter of a choice before its text where that is what is compared: 28 of ``(D) 28``."""
    if not answer.choices and not asserted_choice(answer.plain):
        return gold.text_of_choice or gold, answer
    if isinstance(gold.tree, Value) and gold.choice is None:
        return gold, answer.text_of_choice or answer
    return gold, answer


def in_words(gold: Reading, answer: Reading, same: Callable[[Answer, Answer], bool | None]) -> bool | None:
    """Whether two answers in words or letters of choices (their texts by ``same``) are the same; else None."""
    if len(gold.tokens) > 2 and not has_any(gold.tokens, "word", "name", "empty", "dots") and gold.choices is None:
        return None
    wanted = gold.whole_numbers
    given = whole_numbers(answer.plain, is_answer=True) if wanted else None
    if wanted and given and (wanted.kind != given.kind or same_numbers(wanted, given)):
        return wanted.kind == given.kind
    if answer.phrase and gold.phrase:
        shorter = min(len(answer.phrase), len(gold.phrase))
        has_numbers = gold.numbers_of_reply <= answer.numbers_of_reply
        if answer.phrase == gold.phrase and (shorter >= 3 or answer.phrase == "no"):
            return has_numbers or None
        if shorter > 3:
            return False
    if Several("{}", ()) in (gold.tree, answer.tree):
        return (answer.phrase or gold.phrase) == NO_SOLUTION or gold.tree == answer.tree
    if gold.choices and answer.choices:
        return answer.choices == gold.choices
    sides = (gold, answer)
    if all(len(side.tokens) == 1 and side.tokens[0].kind == "word" and side.plain[0].isupper() for side in sides):
        is_segment = len(gold.plain) == 2 and not {*gold.plain} <= {*"IVXLC"}  # PQ is QP, but IV is no VI
        return gold.plain == answer.plain or (is_segment and gold.plain == answer.plain[::-1])
    if not gold.is_choice:
        return None
    letter = asserted_choice(answer.plain)
    if letter != gold.choice:
        return None if letter is None else False
    texts = [side.text_of_choice.tree for side in sides if side.text_of_choice]
    are_formulas = all(isinstance(text, Equation | Named | Ratio | Region | Several | Value) for text in texts)
    return not are_formulas or len(texts) < 2 or same(*texts) is not False  # (B) 24 is not (B) 25


def named_value(equation: Equation) -> tuple[Name | None, Tokens | None]:
    r"""Name and value of ``x = 5``, ``5 = x`` and ``x = 2 + 3 = 5``, value of ``\sqrt{2} \approx 1.4``; else None."""
    sides = [*equation.sides]
    first, last = _outer_names(sides)
    if _equated(equation):
        return None, None
    if (not first and equation.approximate == 1) or not any(map(_has_variable, sides)):
        return None, sides[0]  # 3/8 = 0.375
    if first:
        return first, sides[-1]
    return (last, sides[0]) if last and len(sides) == 2 else (None, None)


def _outer_names(sides: list[Tokens]) -> tuple[Name | None, Name | None]:
    """The names that the first and the last side are; a constant is no name behind variables: ``xy = C``."""
    first, last = read_name(sides[0]), read_name(sides[-1])
    is_constant = last is not None and last.head in ("C", "c") and not first and _has_variable(sides[0])
    return first, None if is_constant else last


def asked_value(gold: Equation, answer: Answer) -> Tokens | None:
    """What `named_value` finds, and beside a value 113 of ``m + n = 113``, a sum of letters that a problem asks for,
    unlike ``x + y = 3`` and ``a + b = 0``, and the right side of an identity. None for other equations.
    """
    _, value = named_value(gold)
    left, *rest = gold.sides
    letters = [str(token.value) for token in left if token.kind == "name"]
    is_sum = len(letters) > 1 and all(token.kind == "name" or token.is_("sign", "+") for token in left)
    are_numbers = [token.value != 0 and token.kind == "number" for side in rest for token in side]
    is_asked = is_sum and are_numbers == [True] and {*letters}.isdisjoint("xyzt")
    return rest[-1] if isinstance(answer, Value) and (is_asked or (value is None and _is_identity(gold))) else value


def _is_identity(equation: Equation) -> bool:
    """Whether both sides have the same value whatever their letters are: ``x^2 - 1 = (x - 1)(x + 1)``."""
    sides = [read_answer(side) for side in equation.sides]
    nodes = [side.node for side in sides if isinstance(side, Value)]
    return len(nodes) == len(sides) == 2 and equal(nodes[0], nodes[1]) is True


def are_parts_of_curve(*sides: Given) -> bool:
    """Whether a curve loses points on one side alone, by a bound on a coordinate: ``x^2 + y^2 = 1, x > 0``."""
    are_curves = any(isinstance(side.value, Equation) and named_value(side.value)[1] is None for side in sides)
    return are_curves and not set("xyz").isdisjoint(sides[0].conditions.keys() ^ sides[1].conditions.keys())


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


def may_be_whole(*sides: Region) -> bool:
    """Whether a region beside one of whole numbers may be one too: n may be whole without a word of it."""
    (whole,), (other,) = ([side for side in sides if side.is_whole is is_whole] for is_whole in (True, False))
    return other.variable in COUNTERS or bool(sides[0] is whole and other.variable and whole.variable)


def before_rounding(equation: Equation) -> Answer | None:
    r"""``\log 2`` of ``\log 2 \approx 0.301``, ``x = \sqrt{2}`` of ``x = \sqrt{2} \approx 1.41``; None for others."""
    count = equation.approximate
    if count == len(equation.sides) or (count == 1 and read_name(equation.sides[0])):
        return None
    return read_answer(equation.sides[0]) if count == 1 else Equation(equation.sides[:count], count)


def times(time: Ratio) -> set[tuple[Node | None, ...]]:
    """The ways to write a time without its half of the day: 3:45 and 15:45 of 3:45 p.m."""
    hour, *rest = written = tuple(term.node for term in time.terms)
    if not time.half or not isinstance(hour, Fraction):
        return {written}
    return {written, (hour % 12 + 12 * (time.half == "pm"), *rest)}


def chain(equation: Equation, *, is_open: bool = False) -> tuple[str, ...]:
    """The letters of ``x = y = z = 1``, two or more, with ``is_open`` of ``x = y = z``; none for others."""
    letters, last = _equated(equation), equation.sides[-1]
    if not read_name(last):
        return letters
    return (*letters, str(last[0].value)) if is_open and letters and len(last) == 1 else ()


def _equated(equation: Equation) -> tuple[str, ...]:
    """The letters of ``x = y = 1`` and ``x = y = z`` before the last side; none for any other equation."""
    letters = [side[0] for side in equation.sides[:-1] if len(side) == 1 and side[0].kind == "name"]
    return tuple(str(letter.value) for letter in letters) if 1 < len(letters) == len(equation.sides) - 1 else ()


def claims(answer: Equation, gold: Answer) -> list[Tokens] | None:
    r"""The sides of ``answer`` that must each equal the ground truth; None where it must equal it as an equation.

    ``x = 5`` claims its last side. In ``3 \cdot 4 = 12`` both sides count, as neither has a variable, so ``38 = 37`` is
    wrong. Of the steps in ``x = ... = 5`` the last counts. What follows ``\approx`` only rounds. An equation that is
    left to solve claims nothing, nor does one behind words.
    """
    sides = list(answer.sides)
    first, last = _outer_names(sides)
    if isinstance(gold, Equation):
        gold_name, value = named_value(gold)
        is_named = (first or last) is not None and gold_name is not None
        if not is_named and (value is None or gold_name is not None):
            return None
    if len(sides) > MAX_SIDES or any(map(_is_talk, sides[:-1])):
        return []
    if not first and not _rounds(sides[answer.approximate - 1 :]):
        return []
    if answer.approximate > 1 or not first:
        sides = sides[: answer.approximate]
    if len(sides) == 2 and last and not first:
        sides.reverse()
    if first and len(sides) > 2:
        return sides[-1:]
    letters = [{token.value for token in side if token.kind == "name"} for side in sides]
    if len(sides) == 2 and not first and not last and (is_unsolved(sides[0]) or letters[0] == letters[1] != set()):
        return sides if letters[1] else []  # x^2 - 1 = (x - 1)(x + 1), unlike 3x^2 = 6x
    return [side for side in sides[:-1] if not _has_variable(side)] + [sides[-1]]


def _rounds(sides: list[Tokens]) -> bool:
    r"""Whether what follows ``\approx`` is near what it rounds, where both are numbers: ``5 \approx 7`` is not."""
    trees = [tree for side in sides if isinstance(tree := read_answer(side), Value)]
    numbers = [real_value(tree.node) for tree in trees]
    for (tree, number), (other, rounded) in pairwise(zip(trees, numbers, strict=True)):
        if tree.unit != other.unit or number is None or rounded is None:
            continue
        place = 10.0 ** -max((len(token.latex.partition(".")[2]) for token in other.tokens), default=0)
        if not abs(number - rounded) < max(place, abs(number) / 20):
            return False
    return True


def _is_talk(side: Tokens) -> bool:
    """Whether a side is words that are no name: ``7 when a``, ``This would lead to 0``."""
    has_words = any(token.kind == "word" and (token.is_worded or len(str(token.value)) > 3) for token in side)
    return has_words and read_name(side) is None


def is_unsolved(side: Tokens) -> bool:
    """Whether a side asks for its one unknown: ``x^2 - 5x + 6``, ``2x + 3``; not ``a + b``, which may be asked for."""
    letters = {str(token.value) for token in side if token.kind == "name"} - {"e", "i", "pi"}
    terms, signs = split(side, "sign", "+", "-")
    has_number = any(len(term) == 1 and term[0].kind == "number" for term in terms)
    return len(letters) == 1 and bool(signs) and (has_number or has(side, "sign", "^"))


def _has_variable(side: Tokens) -> bool:
    has_extreme = has(side, "function", "max", "min", "sup", "inf")
    return has_extreme or any(token.kind in ("name", "word") and token.value != "pi" for token in side)


def names_differ(gold: Equation, answer: Equation) -> bool:
    """Whether two equations of two sides are named after different things."""
    (wanted, _), (given, _) = named_value(gold), named_value(answer)
    if len(gold.sides) != 2 or len(answer.sides) != 2 or wanted is None or given is None:
        return False
    if given.index and replace(wanted, index=given.index) == given and definition(gold) and definition(answer):
        return False  # a_n and a_k, as functions of their index
    return differ(wanted, given)


def is_rounded(gold: Answer, answer: Answer) -> bool:
    r"""Whether a ground truth of three digits or more is the exact answer, rounded: 5.29 of ``2\sqrt{7}``.

    An answer that is a finite decimal itself need not be rounded, and is another number.
    """
    if not isinstance(gold, Value) or not isinstance(answer, Value):
        return False
    digits = [token for token in gold.tokens if not token.is_("sign", "+", "-")]
    if len(digits) != 1 or not digits[0].is_decimal:
        return False
    whole, _, decimals = digits[0].latex.partition(".")
    wanted, given, rational = exact(gold.node), real_value(answer.node), exact(answer.node)
    if wanted is None or wanted.denominator == 1 or given is None or len((whole + decimals).lstrip("0")) < MIN_DIGITS:
        return False
    if not decimals or (rational is not None and 10**MAX_PLACES % rational.denominator == 0):
        return False
    scale = 10 ** len(decimals)
    return bool(abs(given * scale - wanted.numerator * scale / wanted.denominator) <= 0.5)


def definition(equation: Equation) -> tuple[str, Tokens] | None:
    """``x`` and ``2x+3`` of ``f(x) = 2x+3``; None for anything but the definition of a function."""
    name = read_name(equation.sides[0])
    if len(equation.sides) != 2 or name is None:
        return None
    if len(name.index) == 1 and name.index in {str(token.value) for token in equation.sides[1]}:
        return name.index, equation.sides[1]
    if name.argument and len(name.argument) == 1 and name.argument[0].isalpha() and len(name.head) == 1:
        return name.argument[0], equation.sides[1]
    return None
