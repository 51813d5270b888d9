"""Two cleaned answers, part by part: what needs no algebra is decided, the rest is left as pairs of leaves."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dgpo.verifier import normalise, structure
from dgpo.verifier.by_value import equal_by_value
from dgpo.verifier.intervals import is_interval, pieces
from dgpo.verifier.numeric import equal, read_number
from dgpo.verifier.units import quantities

MAX_UNORDERED = 32
"""An unordered list with more parts, those of equal spelling aside, is a mismatch: each is compared with each."""
MAX_DEPTH = 5
_RATIO = re.compile(r"[^:]+(?::[^:]+)+")
_CLOCK = re.compile(r"(?P<time>\d{1,2} ?: ?\d{2}(?: ?: ?\d{2})?)(?: ?(?P<half>[ap])\.? ?m\.?)?", re.I)
_RELATION = re.compile(r"[<>]|\\(?:le|ge|ne)(?![A-Za-z])")
_OR = re.compile(r"(?<![A-Za-z])or(?![A-Za-z])|\\(?:lor|vee)(?![A-Za-z])")
_LETTER = r"(?<![A-Za-z\\]){}(?![A-Za-z])"
_TO = re.compile(r"(?<=\d) ?(?:\\text ?\{ ?to ?\}|(?<=[\d ])to(?= ?\d)) ?(?=\d)")


@dataclass(frozen=True, slots=True)
class Parts:
    """What is left to compare: each gold with an answer, in order or in any order."""

    golds: tuple[str, ...]
    answers: tuple[str, ...]
    is_ordered: bool


Decision = bool | Parts | None
"""True or False; parts that are compared one by one; or None, not known."""


Leaf = Callable[[str, str], bool | None]
"""The word on two expressions that have no parts: equal, different, or None for unknown."""


def unknown(gold: str, answer: str) -> None:
    """The `Leaf` that leaves all open."""


def compare(gold: str, answer: str, leaf: Leaf = unknown, depth: int = 0) -> Decision:
    """Whether ``answer`` equals ``gold``, as far as that needs no more algebra than ``leaf`` knows. Bounded in time."""
    if normalise.key(gold) == normalise.key(answer):
        return True
    if depth > MAX_DEPTH:
        return None
    for rule in (_numbers, _clocks, _ratios, _matrices, _interval_sets, _lists, _definitions):
        decision = rule(gold, answer)
        if decision is not None:
            return _reduce(decision, leaf, depth) if isinstance(decision, Parts) else decision
    return leaf(gold, answer)


def settle(gold: str, answer: str, ask: Callable[[str, str], str]) -> str:
    """`compare`, with ``ask(gold, answer)`` as the word on what is still open: "match", "mismatch" or another reason.

    An unordered list is matched greedily: equality is transitive, but for decimals that are a millionth apart.
    """
    decision = compare(gold, answer, equal_by_value)
    if decision is None:
        return ask(gold, answer)
    if isinstance(decision, bool):
        return "match" if decision else "mismatch"
    left = list(decision.answers)
    for wanted in decision.golds:
        reasons = []
        for index, given in enumerate(left[:1] if decision.is_ordered else left):
            reasons.append(settle(wanted, given, ask))
            if reasons[-1] == "match":
                del left[index]
                break
            if reasons[-1] not in ("mismatch", "unparsed"):
                return reasons[-1]
        else:
            return "unparsed" if "unparsed" in reasons else "mismatch"
    return "match"


def _reduce(parts: Parts, leaf: Leaf, depth: int) -> Decision:
    """``parts`` without what is decided already."""
    if len(parts.golds) != len(parts.answers):
        return False
    if not parts.is_ordered:
        parts = _without_twins(parts)
        if len(parts.golds) > MAX_UNORDERED:
            return False
    golds, answers = [], []
    left = list(parts.answers)
    for wanted in parts.golds:
        candidates = left[:1] if parts.is_ordered else left
        decisions = [compare(wanted, given, leaf, depth + 1) for given in candidates]
        if True in decisions:
            del left[decisions.index(True)]
        elif all(decision is False for decision in decisions):
            return False
        else:
            golds.append(wanted)
            if parts.is_ordered:
                answers.append(left.pop(0))
    return Parts(tuple(golds), tuple(answers if parts.is_ordered else left), parts.is_ordered) if golds else True


def _without_twins(parts: Parts) -> Parts:
    """``parts`` without the pairs of one spelling, so that a long list need not be compared each with each."""
    answers: dict[str, list[str]] = {}
    for answer in parts.answers:
        answers.setdefault(normalise.key(answer), []).append(answer)
    golds = []
    for gold in parts.golds:
        twins = answers.get(normalise.key(gold))
        if twins:
            twins.pop()
        else:
            golds.append(gold)
    left = [answer for twins in answers.values() for answer in twins]
    return Parts(tuple(golds), tuple(left), is_ordered=False)


def _numbers(gold: str, answer: str) -> Decision:
    wanted = read_number(gold)
    given = read_number(answer) if wanted else None
    return equal(wanted, given) if wanted and given else None


def _clocks(gold: str, answer: str) -> Decision:
    wanted, given = _CLOCK.fullmatch(normalise.plain(gold)), _CLOCK.fullmatch(normalise.plain(answer))
    if not wanted or not given or not (wanted["half"] or given["half"]):
        return None
    halves = {half.lower() for half in (wanted["half"], given["half"]) if half}
    return len(halves) == 1 and wanted["time"].replace(" ", "") == given["time"].replace(" ", "")


def _ratios(gold: str, answer: str) -> Decision:
    """``3:4`` is ``6:8`` and 3/4: each term over the last, compared one by one."""
    gold_terms, answer_terms = _ratio(gold), _ratio(answer)
    if not gold_terms and not answer_terms:
        return None
    if gold_terms and answer_terms:
        if len(gold_terms) != len(answer_terms):
            return False
        return Parts(tuple(_shares(gold_terms)), tuple(_shares(answer_terms)), True)
    terms, other = (gold_terms, answer) if gold_terms else (answer_terms, gold)
    if len(terms) != 2:
        return False
    quotient = _shares(terms)[0]
    return Parts((quotient,), (other,), True) if gold_terms else Parts((other,), (quotient,), True)


def _ratio(text: str) -> list[str]:
    text = _TO.sub(":", text)
    is_ratio = _RATIO.fullmatch(text) and not structure.shell(text)[0] and not re.search(r"[=,]|\\to|[A-Za-z]:", text)
    return [term.strip() for term in text.split(":")] if is_ratio else []


def _shares(terms: list[str]) -> list[str]:
    return [rf"\frac{{{term}}}{{{terms[-1]}}}" for term in terms[:-1]]


def _matrices(gold: str, answer: str) -> Decision:
    wanted, given = structure.matrix(gold), structure.matrix(answer)
    if wanted is None or given is None:
        vector = _vector(wanted or given or [])
        return (_lists(vector, answer) if wanted else _lists(gold, vector)) if vector else None
    if [len(row) for row in wanted] != [len(row) for row in given]:
        return False
    return Parts(_flat(wanted), _flat(given), True)


def _vector(rows: Sequence[Sequence[str]]) -> str:
    """A matrix of one row or one column as a tuple, or ''."""
    is_vector = len(rows) == 1 or all(len(row) == 1 for row in rows)
    return f"({', '.join(_flat(rows))})" if is_vector and rows else ""


def _flat(rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    return tuple(cell for row in rows for cell in row)


def _interval_sets(gold: str, answer: str) -> Decision:
    if not (is_interval(gold) or is_interval(answer)):
        return None
    wanted, given = pieces(gold), pieces(answer)
    if wanted is None or given is None:
        return None
    (gold_variable, gold_pieces), (answer_variable, answer_pieces) = wanted, given
    if gold_variable and answer_variable and gold_variable != answer_variable:
        return None if gold_variable in answer and answer_variable in gold else False  # a > b and b < a
    if len(gold_pieces) != len(answer_pieces):
        return None if len(gold_pieces) > 1 and len(answer_pieces) > 1 else False
    if len(gold_pieces) > 1:
        return Parts(tuple(map(str, gold_pieces)), tuple(map(str, answer_pieces)), False)
    one, other = gold_pieces[0], answer_pieces[0]
    if one.brackets != other.brackets:
        return False
    return Parts((one.left, one.right), (other.left, other.right), True)


def _lists(gold: str, answer: str) -> Decision:
    decision = _assignments(gold, answer)
    if decision is not None:
        return decision
    if "\\begin" in gold or "\\begin" in answer:
        return None
    gold_shell, gold_inner = structure.shell(structure.spread(structure.unnamed(gold)))
    answer_shell, answer_inner = structure.shell(structure.spread(structure.unnamed(answer)))
    shells = {gold_shell, answer_shell}
    if _RELATION.search(gold) and bool(_OR.search(gold)) != bool(_OR.search(answer)):
        return False
    golds = quantities(gold) or structure.items(gold_inner)
    answers = quantities(answer) or structure.items(answer_inner)
    if len(golds) < 2 and len(answers) < 2:
        is_wrapped = shells in ({"", "{}"}, {"", "()"})
        return Parts((gold_inner,), (answer_inner,), True) if is_wrapped else None
    if "{}" in shells and not shells <= structure.UNORDERED:
        return False
    if gold_shell == answer_shell == "{}" or all(structure.shell(item)[0] for item in golds + answers):
        golds, answers = _distinct(golds), _distinct(answers)  # a list of numbers may repeat one, a set cannot
    if len(golds) != len(answers):
        return False
    if shells <= structure.UNORDERED:
        return Parts(tuple(golds), tuple(answers), False)
    is_vector = len(golds) > 2 and shells <= {"", "()", "[]"}  # no interval
    if len(shells) == 2 and shells != {"", "()"} and not is_vector:
        return False
    return Parts(tuple(golds), tuple(answers), True)


def _distinct(items: list[str]) -> list[str]:
    return list({normalise.key(item): item for item in items}.values())


def _assignments(gold: str, answer: str) -> Decision:
    """Both sides by name, where both name several unknowns."""
    wanted, given = structure.assignments(gold), structure.assignments(answer)
    if wanted is None or given is None:
        return None
    gold_values, answer_values = dict(wanted), dict(given)
    if len(gold_values) < len(wanted) or len(answer_values) < len(given):
        return None
    if set(gold_values) != set(answer_values):
        return None
    return Parts(tuple(gold_values.values()), tuple(answer_values[name] for name in gold_values), True)


def _definitions(gold: str, answer: str) -> Decision:
    wanted, given = structure.definition(gold), structure.definition(answer)
    if not wanted or not given:
        return None
    (variable, value), (other, answer_value) = wanted, given
    if variable != other and not re.search(_LETTER.format(variable), answer_value):
        answer_value = re.sub(_LETTER.format(other), variable, answer_value)
    return Parts((value,), (answer_value,), True)
