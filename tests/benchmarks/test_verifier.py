import json
from fractions import Fraction
from pathlib import Path

import pytest

from benchmarks import verifier
from benchmarks.verifier_cases import Case, derived_negatives, hostile_cases, read_cases
from benchmarks.verifier_contenders import BASELINE, OURS, Contender
from dgpo.verifier.answers.reading import read
from dgpo.verifier.expressions.arithmetic import exact
from dgpo.verifier.expressions.tree import Value

ROWS = [
    {"gold": "7", "prediction": "7.0", "pred_kind": "bare", "category": "equiv", "expected": True, "note": ""},
    {"gold": "7", "prediction": r"so \boxed{8}", "pred_kind": "boxed", "category": "real", "expected": False},
    {"gold": "12", "prediction": "The answer is 12.", "pred_kind": "text", "category": "extract", "expected": True},
    {"gold": "1", "prediction": "2", "pred_kind": "bare", "category": "mcq", "expected": True, "note": "disputed: no"},
]


def write(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_cases_are_read_as_documented(tmp_path: Path) -> None:
    cases = read_cases(write(tmp_path / "cases.jsonl", ROWS))
    assert [case.group for case in cases] == ["core", "real", "extract", "core"]
    assert [case.expected for case in cases] == [True, False, True, None]
    assert cases[0].response == r"\boxed{7.0}" and cases[2].mode == "extract"


@pytest.mark.parametrize("change", [{"category": "x"}, {"pred_kind": "x"}, {"expected": 1}, {"gold": None}])
def test_a_bad_case_is_named(tmp_path: Path, change: dict) -> None:
    with pytest.raises(ValueError, match="line 2: "):
        read_cases(write(tmp_path / "cases.jsonl", [ROWS[0], ROWS[1] | change]))


def test_derived_numbers_are_wrong_and_as_many_as_asked_for() -> None:
    golds = ["7", "0.25", r"\frac{3}{4}", "-12", "1024", "x+1"]
    derived = derived_negatives([Case("core", "", gold, True) for gold in golds], 300)
    assert len({(case.gold, case.response) for case in derived}) == 300
    for case in derived:
        content = case.response.removeprefix(r"\boxed{").removesuffix("}").removeprefix("x = ")
        right, wrong = number(case.gold), number(content)
        assert abs(right - wrong) > Fraction(1, 10**4) * abs(right), case


def number(text: str) -> Fraction:
    tree = read(text).tree
    assert isinstance(tree, Value) and tree.node is not None
    value = exact(tree.node)
    assert value is not None
    return value


def test_a_call_that_hangs_is_killed_and_the_next_is_answered() -> None:
    contender = Contender(BASELINE)
    try:
        endless = r"\boxed{\sum_{k=1}^{\infty} \frac{\sin(k)}{k^3+k+1}}"
        killed = contender.ask(endless, "5", "boxed", limit=0.1)
        assert killed.killed and killed.right is None
        after = contender.ask(r"\boxed{7}", "7", "boxed", limit=60.0)
        assert after.right and not after.killed and not after.executed
    finally:
        contender.close()


@pytest.mark.slow
def test_model_text_that_is_run_as_code_is_counted_and_stopped() -> None:
    contender = Contender("verl 0.9.1 prime_math")
    try:
        code = [case for case in hostile_cases() if "canary" in case.response]
        outcomes = [contender.ask(case.response, case.gold, case.mode, limit=30.0) for case in code]
    finally:
        contender.close()
    assert any(outcome.executed for outcome in outcomes), "verl's eval is not seen: the count of zero for dgpo is void"


def test_the_table_counts_and_compares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = write(tmp_path / "cases.jsonl", ROWS)
    out = tmp_path / "result"
    only = ["--only", OURS, "--only", BASELINE]
    verifier.main([str(cases), "--no-hostile", "--derived", "10", "--output", str(out), *only])
    counted = json.loads(out.with_suffix(".json").read_text())
    assert counted[OURS]["confusion"] == {
        "core": {"TP": 1},
        "real": {"TN": 1},
        "extract": {"TP": 1},
        "derived": {"TN": 10},
    }
    text = out.with_suffix(".md").read_text()
    assert OURS in capsys.readouterr().out
    baseline = next(line for line in text.splitlines() if line.startswith(f"| {BASELINE} "))
    assert "| 1.000 | 1.000 |" in baseline
