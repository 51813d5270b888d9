import pytest

from dgpo.verifier.explain import explain
from dgpo.verifier.stages import Mode


def shown(response: str, gold: str, mode: Mode = "boxed") -> list[str]:
    """The lines of the table, cells between bars, and the verdict."""
    table = explain(response, gold, mode=mode, timeout=10.0)
    return [*(" | ".join(row) for row in table.rows), *(f"verdict | {note}" for note in table.notes)]


def line_of(stage: str, lines: list[str]) -> str:
    return next(line for line in lines if line.startswith(f"{stage} | "))


def test_it_shows_how_both_were_read() -> None:
    lines = shown(r"so $\boxed{\dfrac12}$", "0.5")
    assert r"\dfrac12" in line_of("extract", lines) and "1 box " in line_of("extract", lines)
    assert "different symbols" in line_of("symbols", lines)
    assert "(* 1 (/ 2))" in line_of("tree", lines) and "1/2 (decimal)" in line_of("tree", lines)
    assert "equal" in line_of("value", lines)
    assert "right: match, decided by the numeric stage" in line_of("verdict", lines)


def test_it_shows_every_pair_of_expressions_that_is_compared() -> None:
    lines = shown(r"\boxed{(\sqrt{8}, f(x)+1)}", r"(2\sqrt2, 1+f(x))")
    pairs = [line.split(" | ") for line in lines if line.startswith("value ")]
    assert [(cells[0], cells[1], cells[3]) for cells in pairs] == [
        ("value", r"\sqrt{8}", "equal"),
        ("value", "f(x)+1", "equal"),
    ]
    assert "right: match, decided by the value stage" in line_of("verdict", lines)


@pytest.mark.parametrize(
    ("answer", "gold", "step", "says", "stage"),
    [
        (r"2\sqrt2", r"x=\sqrt8", "value", "equal", "value"),
        (r"2\sqrt2\text{ cm}", r"\sqrt8\text{ cm}", "tree", "[cm]", "value"),
        ("f(3) = 5", "f(2) = 5", "tree", "f(3)", "structure"),
        (r"37 \text{ or } 38", "37", "policy", "several answers", "structure"),
        ("3", "4", "value", "different", "numeric"),
        ("B", "C", "symbols", "different", "string"),
    ],
)
def test_the_deciding_step_is_shown(answer: str, gold: str, step: str, says: str, stage: str) -> None:
    lines = shown(rf"\boxed{{{answer}}}", gold)
    assert says in line_of(step, lines) and f"decided by the {stage} stage" in line_of("verdict", lines)


@pytest.mark.parametrize(
    ("response", "gold", "verdict"),
    [
        ("no answer here", "7", "wrong: no_answer"),
        (r"\boxed{}", "7", "wrong: no_answer"),
        (r"\boxed{37 \text{ or } 38}", "37", "wrong: hedge"),
        (r"\boxed{7}", r"\frac{7}{", "wrong: bad_gold"),
        (r"\boxed{" + "x" * 5000 + "}", "7", "wrong: too_large"),
        (r"\boxed{9^{9^{9^{9}}}}", "7", "wrong: too_large"),
        (r"\boxed{\begin{pmatrix}1\\2\end{pmatrix}}", "(1,3)", "wrong: mismatch"),
    ],
)
def test_every_kind_of_verdict_is_explained(response: str, gold: str, verdict: str) -> None:
    assert verdict in line_of("verdict", shown(response, gold))


def test_what_a_model_wrote_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    explain("\\boxed{\x1b[2J[red]7[/red]\x07}", "7").show()
    text = capsys.readouterr().out
    assert "\x1b" not in text and "\x07" not in text
    assert r"\x1b" in text and "[red]7[/red]" in text
