"""One verification as a table: how both texts were read, each pair of parts that was compared, and the verdict."""

from collections.abc import Iterator
from dataclasses import replace

from dgpo.tables import Table
from dgpo.verifier.answers.reading import read
from dgpo.verifier.comparison.equality import Comparison
from dgpo.verifier.expressions import tree
from dgpo.verifier.files.tally import printable
from dgpo.verifier.response import extract
from dgpo.verifier.response.extract import check_ground_truth, read_gold
from dgpo.verifier.stages import Mode, verify
from dgpo.verifier.text.splitting import plain
from dgpo.verifier.text.tokens import latex
from dgpo.verifier.verdict import Verdict

WIDTH = 200
_SETS = {"{}": "set", "": "list", "()": "tuple", "[]": "pair", "[)": "pair", "(]": "pair"}
Row = tuple[str, str, str, str]


def explain(response: str, ground_truth: str, *, mode: Mode = "boxed", timeout: float = 1.0) -> Table:
    """A table with a row for each comparison that the verification makes, and the verdict below.

    Raises what `verify` raises.
    """
    verdict = verify(response, ground_truth, mode=mode, timeout=timeout)
    outcome = f"{'right' if verdict else 'wrong'}: {verdict.reason}, decided by the {verdict.stage} stage"
    head = ("step", "answer", "ground truth", "says")
    rows = [[printable(cell, WIDTH) for cell in row] for row in _rows(response, ground_truth, mode, verdict)]
    return Table(head, rows, notes=[f"{outcome}, {1e3 * verdict.seconds:.2f} ms"])


def _rows(response: str, ground_truth: str, mode: Mode, verdict: Verdict) -> Iterator[Row]:
    answer = "(none)" if verdict.answer is None else verdict.answer
    yield "extract", answer, ground_truth, _extracted(response, ground_truth, mode, verdict)
    gold = read_gold(ground_truth)
    if gold is None or verdict.answer is None or verdict.stage == "extract":
        return
    reading = read(verdict.answer)
    is_same = "the same symbols" if reading.symbols == gold.symbols else "different symbols"
    yield "symbols", reading.plain, gold.plain, is_same
    if verdict.stage == "string":
        return
    yield "tree", shown(reading.tree), shown(gold.tree), ""
    comparison = Comparison()
    if verdict.reason != "timeout":
        comparison.same(gold.tree, reading.tree)
    outcomes = {None: "not known", True: "equal", False: "different"}
    for wanted, given, decision in comparison.compared:
        yield "value", latex(given), latex(wanted), outcomes[decision]
    if verdict.reason == "hedge":
        yield "policy", answer, ground_truth, "several answers for one value"


def _extracted(response: str, ground_truth: str, mode: Mode, verdict: Verdict) -> str:
    if verdict.reason == "bad_gold":
        try:
            check_ground_truth(ground_truth)
        except ValueError as error:
            return str(error)
    boxes = len(extract.boxes(extract.final_text(response)))
    return f"mode {mode}: {boxes} box{'' if boxes == 1 else 'es'} in the final text"


def shown(answer: tree.Answer | tree.Piece) -> str:
    """``tuple(1; (+ x 2))``: a tree by its kind and its parts."""
    match answer:
        case tree.Value():
            unit = f" [{answer.unit}]" if answer.unit else ""
            kind = " (decimal)" if answer.is_decimal else ""
            return formula(answer.node) + kind + unit
        case tree.Several():
            return f"{_SETS[answer.brackets]}({'; '.join(map(shown, answer.items))})"
        case tree.Piece():
            return f"{answer.brackets[0]}{shown(answer.low)}; {shown(answer.high)}{answer.brackets[1]}"
        case tree.Region():
            numbers = f"numbers {answer.kind} {answer.variable} in".split()
            return " ".join((*numbers, " and ".join(map(shown, answer.pieces))))
        case tree.Grid():
            return f"matrix({' / '.join('; '.join(map(shown, row)) for row in answer.rows)})"
        case tree.Equation():
            return f"equation({' = '.join(map(plain, answer.sides))})"
        case tree.Named():
            return "; ".join(f"{name} = {shown(item)}" for name, item in zip(answer.names, answer.items, strict=True))
        case tree.Ratio():
            return f"ratio({' : '.join(map(shown, answer.terms))}) {answer.half}".rstrip()
        case tree.Given():
            said = [shown(replace(numbers, variable=name)) for name, numbers in answer.conditions.items()]
            return f"{shown(answer.value)}, if {', '.join(said)}"
        case tree.Statement():
            return f"{'words' if answer.is_words else 'relation'}({plain(answer.tokens)})"


def formula(node: tree.Node) -> str:
    """``(+ x (* 2 y))`` of a tree."""
    if isinstance(node, tree.Operation):
        return f"({node.function} {' '.join(map(formula, node.operands))})"
    return " ".join(node.symbols) if isinstance(node, tree.Opaque) else str(node)
