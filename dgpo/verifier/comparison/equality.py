"""Compares two trees: a method for each kind, which returns True, False, or None for not known."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dgpo.verifier.answers.grammar import read_answer
from dgpo.verifier.answers.regions import merged, whole_ends
from dgpo.verifier.comparison import equations, families, forms, policy
from dgpo.verifier.comparison.decisions import Decision, either, every, paired
from dgpo.verifier.comparison.kinds import UNORDERED, pairs_of_one_kind
from dgpo.verifier.comparison.rounding import is_rounded
from dgpo.verifier.expressions import values
from dgpo.verifier.expressions.tree import (
    Answer,
    Equation,
    Given,
    Grid,
    Named,
    Piece,
    Ratio,
    Region,
    Several,
    Statement,
    Value,
    names,
)
from dgpo.verifier.expressions.units import may_be_same_unit
from dgpo.verifier.text.tokens import Tokens, has

MAX_DEPTH = 8


@dataclass
class Comparison:
    """One comparison of two trees.

    Attributes:
        compared: Each pair of expressions that was compared, of ground truth and answer, and the decision.
        has_evaluated: Whether expressions were evaluated at points.
        letters: The conditions on letters of the ground truth, and on those of the answer (``k`` is whole).
        depth: So many trees that are being compared hold the ones that come next.
    """

    compared: list[tuple[Tokens, Tokens, Decision]] = field(default_factory=list)
    has_evaluated: bool = False
    letters: forms.Declared = ({}, {})
    depth: int = 0

    def same(self, gold: Answer, answer: Answer) -> Decision:
        """Whether ``answer`` is ``gold``."""
        values.check_time()
        if gold == answer:
            return True
        if self.depth > MAX_DEPTH:
            return None
        self.depth += 1
        decision = self._by_kind(gold, answer)
        self.depth -= 1
        return decision

    def _by_kind(self, gold: Answer, answer: Answer) -> Decision:
        if isinstance(gold, Value) and isinstance(answer, Value) and not gold.unit.startswith("mod "):
            return self.values(gold, answer)
        if (decision := families.same(gold, answer, self.letters)) is not None:
            return decision
        if isinstance(gold, Given) or isinstance(answer, Given):
            return self._given(gold, answer)
        if isinstance(gold, Equation) or isinstance(answer, Equation):
            return self._equations(gold, answer)
        if type(gold) is type(answer):
            return _BY_KIND[type(gold)](self, gold, answer)
        pairs = pairs_of_one_kind(gold, answer)
        return every(self.same(*pair) for pair in pairs) if pairs else False

    def _given(self, gold: Answer, answer: Answer) -> Decision:
        wanted, given = (side if isinstance(side, Given) else Given(side, {}) for side in (gold, answer))
        outer = self.letters
        self.letters = golds, answers = ({**outer[0], **wanted.conditions}, {**outer[1], **given.conditions})
        are_same = all(forms.same_condition(golds[name], answers[name]) for name in golds.keys() & answers.keys())
        decision = are_same and not equations.are_parts_of_curve(wanted, given) and self.same(wanted.value, given.value)
        self.letters = outer
        return decision

    def _equations(self, gold: Answer, answer: Answer) -> Decision:
        gold, answer = equations.spread(gold, answer), equations.spread(answer, gold)
        is_same = None
        if isinstance(gold, Equation) and isinstance(answer, Equation):
            is_same = equations.same_relation(gold, answer)
            if is_same and len(equations.unknowns(gold)) > 1:
                return True
            if equations.names_differ(gold, answer):
                return False
        if isinstance(gold, Equation) and (exact := equations.before_rounding(gold)):
            return either(self.same(side, answer) for side in (exact, read_answer(gold.sides[-1])))
        value = equations.asked_value(gold, answer) if isinstance(gold, Equation) else None
        wanted = read_answer(value) if value else gold
        if not isinstance(answer, Equation):
            return False if isinstance(wanted, Equation) else self.same(wanted, answer)
        claimed = equations.claims(answer, gold)
        if claimed is None and isinstance(gold, Equation):
            self.has_evaluated |= is_same is not None
            return self._noted(equations.joined(gold), equations.joined(answer)) if is_same is None else is_same
        if not claimed:
            return False
        if isinstance(gold, Equation) and (both := equations.definitions(gold, answer, self.letters)):
            return self.same(*both)
        claims = [read_answer(side) for side in claimed]
        decisions = [self.same(wanted, claim) for claim in claims]
        if True in decisions:  # 5/3 = 1.667
            are_rounded = [is_rounded(claim, wanted) for claim in claims]
            decisions = [same or is_rounded or same for same, is_rounded in zip(decisions, are_rounded, strict=True)]
        return every(decisions)

    def _noted(self, gold: Tokens, answer: Tokens, decision: Decision = None) -> Decision:
        self.compared.append((gold, answer, decision))
        return decision

    def values(self, gold: Value, answer: Value) -> Decision:
        if gold.unit != answer.unit:
            answer = forms.with_rate(gold, answer)
            gold, answer = forms.in_degrees(gold, answer), forms.in_degrees(answer, gold)
            is_residue = "mod " in (gold.unit[:4], answer.unit[:4]) and names(gold.node) | names(answer.node)
            if is_residue or not may_be_same_unit(gold.unit, answer.unit):
                return False
        if not gold.is_opaque and not answer.is_opaque:
            self.has_evaluated |= values.exact(gold.node) is None or values.exact(answer.node) is None
        has_decimal = gold.is_decimal or answer.is_decimal
        decision = values.equal_at_sight(gold.node, answer.node, has_decimal) if gold.unit == answer.unit else None
        if decision is None:
            pairs = forms.pairs(gold, answer, self.letters)
            decision = either(values.equal(*pair, has_decimal) for pair in pairs)
            decision = decision or any(forms.is_shifted(*pair) for pair in pairs) or decision
        if decision is False:
            decision = is_rounded(gold, answer)
        return self._noted(gold.tokens, answer.tokens, decision)

    def severals(self, gold: Several, answer: Several) -> Decision:
        if policy.are_of_other_unknowns(gold, answer):
            return False
        gold, answer = forms.beside_equations(gold, answer), forms.beside_equations(answer, gold)
        shells = {gold.brackets, answer.brackets}
        are_unordered = shells <= UNORDERED
        if not are_unordered and ("{}" in shells or any(side.name or side.is_either for side in (gold, answer))):
            return False  # a set or the values of one unknown beside a point
        golds, answers = list(gold.items), list(answer.items)
        # A list of numbers may repeat one, a set cannot.
        if gold.brackets == answer.brackets == "{}" or all(isinstance(item, Several) for item in golds + answers):
            golds, answers = list(dict.fromkeys(golds)), list(dict.fromkeys(answers))
        goes_on = {getattr(side[-1], "symbols", ()) == ("...",) for side in (golds, answers) if side}
        if len(golds) != len(answers) or len(goes_on) > 1:
            return False
        counts = {sum(getattr(item, "brackets", "") == "{}" for item in side) for side in (golds, answers)}
        if are_unordered and len(counts) > 1:
            return False  # {{1}, 2} is not {1, 2}
        if are_unordered and not (gold.is_ordered and not answer.brackets):
            return paired(golds, answers, self.same)
        is_vector = len(golds) > 2 and shells <= {"", "()", "[]"}  # no interval
        if len(shells) == 2 and shells != {"", "()"} and not is_vector:
            return False
        return self._in_order(golds, answers)

    def _in_order(self, golds: list[Answer], answers: list[Answer]) -> Decision:
        """Whether the parts of two tuples or matrices are the same one by one."""
        outer, self.letters = self.letters, ({}, {})
        tried = forms.with_letters(golds, answers, outer)
        decision = either(every(self.same(*pair) for pair in zip(golds, form, strict=True)) for form in tried)
        self.letters = outer
        return decision

    def regions(self, gold: Region, answer: Region) -> Decision:
        if gold.variable and answer.variable and gold.variable != answer.variable:
            has_both = has(gold.tokens, "name", answer.variable) and has(answer.tokens, "name", gold.variable)
            return self._inequalities(gold.tokens, answer.tokens) if has_both else False
        if (gold.kind or "R") != (answer.kind or "R") and not policy.may_be_whole(gold, answer):
            return False
        if (gold.is_whole or answer.is_whole) and (wanted := whole_ends(gold)) and (given := whole_ends(answer)):
            return wanted == given
        golds, answers = merged(gold.pieces), merged(answer.pieces)
        if len(golds) != len(answers):
            return False
        return paired(golds, answers, self._pieces)

    def _pieces(self, gold: Piece, answer: Piece) -> Decision:
        ends = map(self.same, (gold.low, gold.high), (answer.low, answer.high))
        return gold.brackets == answer.brackets and every(ends)

    def grids(self, gold: Grid, answer: Grid) -> Decision:
        if [len(row) for row in gold.rows] != [len(row) for row in answer.rows]:
            return False
        return self._in_order(*([cell for row in grid.rows for cell in row] for grid in (gold, answer)))

    def named(self, gold: Named, answer: Named) -> Decision:
        items = forms.in_order_of(gold, answer)
        return self.severals(Several("()", gold.items), Several("()", items)) if items else False

    def ratios(self, gold: Ratio, answer: Ratio) -> Decision:
        if len(gold.terms) != len(answer.terms) or not may_be_same_unit(gold.terms[-1].unit, answer.terms[-1].unit):
            return False
        if any(ratio.half or ratio.terms[-1].node == 0 for ratio in (gold, answer)):  # 12:00
            is_half = not gold.half or not answer.half or gold.half == answer.half
            return is_half and not policy.times(gold).isdisjoint(policy.times(answer))
        return every(self.values(*pair) for pair in zip(gold.shares(), answer.shares(), strict=True))

    def statements(self, gold: Statement, answer: Statement) -> Decision:
        if gold.is_words or answer.is_words:
            pairs = forms.phrases(gold, answer)  # increasing on (0, 1)
            return every(self.same(*pair) for pair in pairs) if pairs else forms.are_same_phrase(gold, answer)
        return self._inequalities(gold.tokens, answer.tokens)

    def _inequalities(self, gold: Tokens, answer: Tokens) -> Decision:
        """``a > b`` and ``b < a``: differences of sides, one a positive multiple of the other."""
        wanted, given = equations.as_positive(gold), equations.as_positive(answer)
        if not wanted or not given:
            return self._noted(gold, answer)
        return len(wanted) == len(given) and paired(
            wanted, given, lambda one, other: one[0] == other[0] and values.is_multiple(one[1], other[1], positive=True)
        )


_BY_KIND: dict[type[Any], Callable[..., Decision]] = {
    Value: Comparison.values,
    Several: Comparison.severals,
    Region: Comparison.regions,
    Grid: Comparison.grids,
    Named: Comparison.named,
    Ratio: Comparison.ratios,
    Statement: Comparison.statements,
}
