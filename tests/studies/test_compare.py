"""The study as a command: it resumes, compares with intervals, and leaves folders that `dgpo compare` reads."""

import json
from pathlib import Path

import numpy as np
import pytest

from dgpo.cli import main
from dgpo.errors import UserError
from dgpo.evaluation.statistics import Paired
from dgpo.studies import analysis
from dgpo.studies.analysis import best, collapse, power
from dgpo.studies.contenders import contenders
from dgpo.studies.records import claim
from dgpo.studies.training import SETTINGS

WORDS = ["lab", "compare", "--seeds", "2", "--rates", "8e-4", "2e-3", "--steps", "2", "--methods", "grpo", "dgpo:n=2"]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    assert main([*WORDS, "--out", str(out)]) == 0
    return out


def test_a_study_leaves_tables_figures_and_runs(study: Path):
    found = json.loads((study / "compare.json").read_text())
    assert list(found["methods"]) == ["grpo", "dgpo:n=2"] and found["seeds"] == [0, 1]
    assert np.shape(found["methods"]["grpo"]["final"]) == (2, 2)
    assert all((study / name).stat().st_size > 5000 for name in ("rates.png", "rates.svg", "curves.png"))
    assert "| dgpo:n=2 |" in (study / "compare.md").read_text()


def test_what_is_done_is_not_done_again(study: Path, capsys: pytest.CaptureFixture[str]):
    files = sorted(study.glob("runs/*/*/metrics/*.jsonl"))
    before, table = [file.stat().st_mtime_ns for file in files], (study / "compare.md").read_text()
    assert len(files) == 8 and main([*WORDS, "--out", str(study)]) == 0
    assert [file.stat().st_mtime_ns for file in files] == before and (study / "compare.md").read_text() == table
    content = files[0].read_text()
    files[0].unlink()
    assert main([*WORDS, "--out", str(study)]) == 0
    again = [json.loads(line)["data"] for line in files[0].read_text().splitlines()]
    for old, new in zip(map(json.loads, content.splitlines()), again, strict=True):
        assert old["data"] == pytest.approx(new, rel=1e-3, abs=1e-5)


def test_its_runs_are_compared_like_real_ones(study: Path, capsys: pytest.CaptureFixture[str]):
    runs = sorted(map(str, study.glob("runs/*/0.0008-*")))
    assert main(["compare", *runs, "--out", str(study / "compared")]) == 0
    assert "dgpo (n=2, m=2)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--setting", "other"], "--setting=other"),
        (["--reference", "gppo"], "--reference=gppo"),
        (["--rates", "0"], "--rates 0"),
        (["--rates", "nan"], "nan: they must be above 0"),
        (["--seeds", "0"], "--seeds=0"),
        (["--steps", "3"], "its runs have steps=2, not 3"),
    ],
)
def test_what_cannot_be_done_is_named(words, named, study, refused):
    assert named in refused(*WORDS, "--out", study, *words)


def test_runs_of_a_loss_that_was_changed_since_are_not_taken_for_its_own(tmp_path: Path):
    setting, (loss, other) = SETTINGS["few"], contenders(["dgpo:n=2", "grpo"]).values()
    claim(tmp_path, setting, {"mine": loss})
    claim(tmp_path, setting, {"mine": loss, "grpo": other})
    with pytest.raises(UserError, match=r"--methods mine: its runs in .* are of another F"):
        claim(tmp_path, setting, {"mine": other})


def test_a_method_is_judged_at_its_best_rate():
    def record(*curve: float) -> dict[str, np.ndarray]:
        return {analysis.ACCURACY: np.array([0.2, np.nan, *curve])}

    found = analysis.MethodRuns([[record(0.5), record(0.3)], [record(0.6, 0.1), record(0.4, 0.35)]])
    np.testing.assert_array_equal(found.last(analysis.ACCURACY), [0.5, 0.3])
    np.testing.assert_array_equal(found.collapsed, [[False, False], [True, False]])


def test_figures_at_equal_accuracy_lie_between_two_steps():
    record = {
        analysis.ACCURACY: np.array([0.1, np.nan, 0.3, 0.5]),
        analysis.ENTROPY: np.array([1.0, np.nan, 0.8, 0.4]),
        analysis.PASS.format(analysis.K): np.array([0.2, np.nan, 0.6, 0.8]),
    }
    found = analysis.at_level(analysis.MethodRuns([[record]]), 0.4)
    assert [values[0] for values in found.values()] == pytest.approx([2.5, 0.6, 0.7])


def paired(value: float, p: float) -> Paired:
    return Paired(value, value - 0.1, value + 0.1, p, 0.5)


@pytest.mark.parametrize(
    ("differences", "answer"),
    [
        ({"a": paired(-0.1, 0.01), "b": paired(-0.2, 0.01)}, "holds"),
        ({"a": paired(-0.1, 0.01), "b": paired(0.1, 0.2)}, "holds as tied best"),
        ({"a": paired(-0.1, 0.2), "b": paired(0.1, 0.2)}, "cannot be told"),
        ({"a": paired(-0.1, 0.01), "b": paired(0.1, 0.01)}, "does not hold"),
    ],
)
def test_a_verdict_follows_from_what_can_be_told(differences, answer):
    assert best("avg", differences).answer == answer


def test_collapse_is_told_from_chance():
    def method(collapsed: int) -> analysis.MethodRuns:
        ends = np.where(np.arange(20).reshape(2, 10) < collapsed, 0.1, 0.5)
        return analysis.MethodRuns([[{analysis.ACCURACY: np.array([0.5, end])} for end in row] for row in ends])

    losses = contenders(["dgpo", "gppo", "ce_gppo", "cispo:one_sided=True", "maspo", "grpo"])
    methods = dict(zip(losses, map(method, (0, 12, 1, 20, 20, 20)), strict=True))
    found = collapse(analysis.Study(losses, methods, (), "dgpo"))
    assert found is not None and found.answer == "holds against gppo"
    # Those whose W stays bounded are no part of the claim.
    assert found.grounds == "collapsed: dgpo 0 of 20, gppo 12 of 20, ce_gppo 1 of 20"


def test_a_power_is_judged_by_the_two_that_differ_in_it_alone():
    losses = contenders(["dgpo:n=2", "dgpo", "dgpo:n=4", "dgpo:n=8,m=8", "grpo"])

    def method(entropy: float) -> analysis.MethodRuns:
        record = {
            analysis.ACCURACY: np.array([0.1, 0.5]),
            analysis.ENTROPY: np.array([entropy, entropy]),
            analysis.PASS.format(analysis.K): np.array([0.2, 0.6]),
        }
        return analysis.MethodRuns([[record] * 8])

    methods = {name: method(0.2 + 0.1 * place) for place, name in enumerate(losses)}
    study = analysis.Study(losses, methods, (), "dgpo")
    found = power("n", study)
    assert found is not None and found.answer == "holds" and found.grounds.startswith("dgpo:n=4 minus dgpo: +0.100")
    assert power("m", study) is None
