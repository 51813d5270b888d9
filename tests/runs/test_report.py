import json
from pathlib import Path

import pytest
from matplotlib.image import imread
from omegaconf import OmegaConf

from dgpo.config.compose import compose_config, resolved
from dgpo.errors import UserError
from dgpo.runs.folder import RunFolder
from dgpo.runs.html import REASONS
from dgpo.runs.metrics import read_validation
from dgpo.runs.plots import draw_run
from dgpo.runs.report import read_run, results, verdict_shares, write_report
from dgpo.verifier.verdict import REASONS as VERDICT_REASONS

REASON = {0: "mismatch", 1: "match"}


def dump(folder: Path, step: int, answers: dict[str, list[float]]) -> Path:
    """A validation as verl dumps it: ``uid`` is prompt_session_index."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{step}.jsonl"
    lines = [
        json.dumps({"uid": f"{prompt}_{i}_0", "score": float(right), "acc": float(right), "reason": REASON[right]})
        for prompt, rights in answers.items()
        for i, right in enumerate(rights)
    ]
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.config.write_text(OmegaConf.to_yaml(resolved(compose_config("dgpo_7b"))))
    dump(folder.validation, 0, {"a": [0, 0, 0, 0], "b": [1, 0, 0, 0]})
    dump(folder.validation, 10, {"a": [1, 1, 0, 0], "b": [1, 1, 1, 1]})
    records = [{"step": 0, "data": {"val-core/x/acc/mean@4": 0.125}}]
    for step in (1, 2):
        data = {
            "actor/grad_norm": 1.0,
            "actor/entropy": 0.5 / step,
            "actor/region/ln/share": 0.01 * step,
            "actor/region/hp/share": 0.0,
            "critic/score/mean": 0.25 * step,
            "response_length/mean": 40.0,
            "training/rollout_probs_diff_max": 1e-6 * step,
            "timing_s/step": 3.0 * step,
            "reward/reason/match": 0.25 * step,
            "reward/reason/mismatch": 0.75 - 0.25 * step,
            "reward/reason/no_answer": 0.25,
            "reward/reason/timeout": 0.0,
            "reward/stage/string": 0.75,
            "reward/stage/extract": 0.25,
            "reward/truncated": 0.5 / step,
            "reward/seconds/p50": 0.001,
            "reward/seconds/p99": 0.02 * step,
        }
        records.append({"step": step, "data": data})
    folder.new_metrics_file().write_text("".join(json.dumps(record) + "\n" for record in records))
    return folder.path


def test_accuracy_of_a_validation(run: Path) -> None:
    first = read_validation(run / "validation/0.jsonl")
    assert (first.problems, first.samples, first.mean, first.best) == (2, 4, 0.125, 0.5)
    # Standard error of {0, 1/4} over two problems.
    assert first.error == pytest.approx(0.125)
    assert first.verdicts == {"match": 0.125, "mismatch": 0.875}


def test_the_table_compares_the_first_validation_with_the_last(run: Path) -> None:
    table = {row[0]: row[1:] for row in results(read_run(run)).rows}
    assert table["mean@4 (%), T=0.6, top_p=0.95"][:2] == ("12.5 ± 12.5", "75.0 ± 25.0")
    assert "+62.5 points" in table["mean@4 (%), T=0.6, top_p=0.95"][2]
    assert table["pass@4 (%)"] == ("50.0", "100.0", "+50.0 points")
    assert table["boundary tokens LN + HP"][1] == "1.500%"
    assert table["largest rollout-actor probability gap"][1] == "2.0e-06"
    assert table["seconds a step"][1] == "4.5"
    assert table["training responses without an answer"][:2] == ("25.0%", "25.0%")
    assert table["training responses cut off"][:2] == ("50.0%", "25.0%")


def test_verdicts_that_occurred_are_listed_with_what_they_mean(run: Path) -> None:
    verdicts = verdict_shares(read_run(run))
    assert verdicts is not None
    table = {row[0]: row[1:] for row in verdicts.rows}
    assert table["match"] == ("25.0%", "50.0%", "12.5%", "75.0%", "right")
    assert table["no_answer"][:4] == ("25.0%", "25.0%", "0.0%", "0.0%")
    assert table["decided by string"][:2] == ("75.0%", "75.0%")
    assert "timeout" not in table and "decided by judge" not in table
    (cost,) = verdicts.notes
    assert "1.0 ms (p50) and 30.0 ms (p99)" in cost


def test_every_reason_has_its_meaning() -> None:
    assert set(REASONS) == set(VERDICT_REASONS)


def test_a_run_with_another_reward_has_no_verdicts(run: Path) -> None:
    for file in (*run.glob("metrics/*.jsonl"), *run.glob("validation/*.jsonl")):
        file.write_text(file.read_text().replace("reward/", "other/").replace('"reason"', '"else"'))
    assert verdict_shares(read_run(run)) is None
    write_report(run)
    assert "Verdicts" not in (run / "report.md").read_text()


def test_the_report_is_written_into_the_run(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_report(run)
    assert {"report.md", "report.json", "report.png", "report.svg"} <= {file.name for file in run.iterdir()}
    assert json.loads((run / "report.json").read_text())["boundary_share_mean"] == pytest.approx(0.015)
    said = capsys.readouterr().out
    assert "mean@4" in said and "compared, and different" in said
    assert "## Verdicts\n\n| share of responses |" in (run / "report.md").read_text()


def test_a_run_with_allocated_rollouts_has_a_row_more(tmp_path: Path) -> None:
    plain = {step: {"actor/grad_norm": 1.0, "critic/score/mean": 0.5} for step in (1, 2)}
    heights = []
    for more in ({}, {"rollouts/n_max": 12, "rollouts/n_min": 4}, {"modulation/comp_mean": 1.1}):
        steps = {step: {**metrics, **more} for step, metrics in plain.items()}
        draw_run("run", [], steps, tmp_path / "run")
        heights.append(len(imread(tmp_path / "run.png")))
    assert heights[1] == heights[2] == 1.5 * heights[0]


def test_a_reward_without_acc_is_reported_by_its_score(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in run.glob("validation/*.jsonl"):
        file.write_text(file.read_text().replace('"acc"', '"hits"').replace('"score": 1.0', '"score": 0.5'))
    write_report(run)
    assert "left out" not in capsys.readouterr().err
    table = {row[0]: row[1:] for row in results(read_run(run)).rows}
    assert table["mean score@4, T=0.6, top_p=0.95"][:2] == ("0.062 ± 0.062", "0.375 ± 0.125")
    assert not any(name.startswith("pass@") for name in table)
    assert json.loads((run / "report.json").read_text())["validations"][0]["best"] is None


@pytest.mark.parametrize(
    "text", ["", '{"uid": "a_0_0", "score": null}', '{"uid": "a_0_0", "sco', "{}", '["uid", "score"]', "\xff"]
)
def test_a_dump_that_cannot_be_read_is_left_out_and_named(
    text: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "validation/5.jsonl").write_bytes(text.encode("latin-1"))
    assert [validation.step for validation in read_run(run).validations] == [0, 10]
    assert "validation/5.jsonl is left out of the report" in capsys.readouterr().err


def test_a_folder_without_a_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"{tmp_path}: .*is it a run folder"):
        read_run(tmp_path)
