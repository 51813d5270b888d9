"""The report of generations written by hand, whose figures can be counted."""

import functools
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from dgpo.cli import main
from dgpo.data import write_parquet
from dgpo.evaluation.generations import generations_file
from dgpo.evaluation.reference import REFERENCES, references_for
from dgpo.evaluation.score import score_folder
from dgpo.evaluation.settings import ModelFacts

R, W, V, N = r"\boxed{GOLD}", r"\boxed{1}", r"\boxed{2}", "..."
FIRST = {"sums": [[R, R, W, N], [W, W, V, R]], "more": [[R, R, R, R], [N, N, N, N], [W, V, R, R]]}
SECOND = {"sums": [[R, R, R, N], [W, R, V, R]], "more": [[R, R, R, R], [N, N, N, R], [W, R, R, R]]}


@pytest.fixture(scope="session")
def scored(save_to: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two evaluations, scored once."""
    folder = tmp_path_factory.mktemp("scored")
    found = [save_to(folder / "first", FIRST), save_to(folder / "second", SECOND)]
    for each in found:
        score_folder(each, processes=1)
    return found


@pytest.fixture
def folders(scored: list[Path], tmp_path: Path) -> list[Path]:
    """A test's own copies of the two."""
    return [shutil.copytree(each, tmp_path / each.name) for each in scored]


def change(folder: Path, key: str, value: Any) -> None:
    """Put another value at a dotted key of the settings."""
    file = folder / "settings.json"
    content = json.loads(file.read_text())
    *above, last = key.split(".")
    functools.reduce(dict.__getitem__, above, content)[last] = value
    file.write_text(json.dumps(content))


def test_the_figures_are_those_counted_by_hand(folders: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "report"
    assert main(["eval", "report", str(folders[0]), "--out", str(out)]) == 0
    assert "Settings that differ" not in (out / "report.md").read_text()
    model = json.loads((out / "report.json").read_text())["models"]["first"]
    sums, more = model["benchmarks"]["sums"], model["benchmarks"]["more"]
    assert (sums["problems"], sums["samples"], more["problems"]) == (2, 4, 3)
    # 2 and 1 of 4 right; 4, 0 and 2 of 4.
    assert sums["avg"]["value"] == pytest.approx(3 / 8)
    assert sums["avg"]["error"] == pytest.approx(1 / 8)  # |0.5 - 0.25| / 2
    assert sums["avg"]["error_over_samples"] == pytest.approx(np.sqrt((0.25 + 0.1875) / 3) / 2)
    assert more["avg"]["value"] == pytest.approx(0.5)
    # pass@2: 1 - C(2,2)/C(4,2) = 5/6 and 1 - C(3,2)/C(4,2) = 1/2.
    assert {k: each["value"] for k, each in sums["pass_at"].items()} == pytest.approx(
        {"1": 3 / 8, "2": (5 / 6 + 1 / 2) / 2, "4": 1.0}
    )
    # maj@4: R R W none is right; W W V R is wrong. More: right, nobody votes, W V R R right.
    assert sums["majority_at"]["4"]["value"] == pytest.approx(0.5)
    assert more["majority_at"]["4"]["value"] == pytest.approx(2 / 3)
    # maj@2 of R R W none: RR 1, R+none twice 1 each (4 subsets in all with R alone), R+W twice a tie, W+none 0.
    first_problem = (1 + 2 * 1 + 2 * 0.5 + 0) / 6
    # of W W V R: R wins only in ties with W (twice) and V (once).
    second_problem = 3 * 0.5 / 6
    assert sums["majority_at"]["2"]["value"] == pytest.approx((first_problem + second_problem) / 2)
    assert (sums["without_answer"], sums["truncated"]) == (1 / 8, 1 / 8)
    assert more["reasons"] == {"match": 6, "no_answer": 4, "mismatch": 2}
    macro = model["macro_average"]
    assert macro["over"] == ["sums", "more"]
    assert macro["avg"]["value"] == pytest.approx((3 / 8 + 1 / 2) / 2)
    expected = np.sqrt(sums["avg"]["error"] ** 2 + more["avg"]["error"] ** 2) / 2
    assert macro["avg"]["error"] == pytest.approx(expected)
    lengths = [len(json.loads(line)["text"]) for line in generations_file(folders[0], "sums").read_text().splitlines()]
    assert sums["length"]["mean"] == pytest.approx(np.mean(lengths))
    assert sums["length"]["max"] == max(lengths)


def test_two_models_side_by_side(folders: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "report"
    assert main(["eval", "report", *map(str, folders), "--names", "before,after", "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    for text in ("before", "after", "37.5 ± 12.5", "62.5 ± 12.5", "after − before", "macro average"):
        assert text in shown
    summary = json.loads((out / "report.json").read_text())
    assert [each["benchmark"] for each in summary["differences"]] == ["sums", "more", "macro average"]
    sums, more, macro = (each["value"] for each in summary["differences"])
    assert (sums, more, macro) == pytest.approx((1 / 4, 1 / 6, (1 / 4 + 1 / 6) / 2))
    # Both problems of sums have the same difference: too few for an interval, and of 4 signs 2 reach as far.
    assert (summary["differences"][0]["low"], summary["differences"][0]["p"]) == (None, 1 / 2)
    assert "| after − before | sums | +25.0 | – | 0.5000 |" in (out / "report.md").read_text()
    text = (out / "report.md").read_text()
    for setting in ("sampling.temperature", "benchmarks.sums.content_hash", "scoring.mode", "scoring.timeout"):
        assert f"| {setting} |" in text
    for name in ("pass_at_k", "lengths"):
        assert (out / f"{name}.png").stat().st_size > 5000
        assert "<svg" in (out / f"{name}.svg").read_text()[:1000]
        assert f"]({name}.png)" in text


def test_settings_that_differ_are_marked_and_shown(
    folders: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(folders[1], "sampling.temperature", 1.0)
    assert main(["eval", "report", *map(str, folders), "--out", str(tmp_path / "out")]) == 0
    text = (tmp_path / "out/report.md").read_text()
    assert "| sampling.temperature * | 0.6 | 1.0 |" in text
    assert "| sampling.max_tokens | 100 | 100 |" in text
    shown = capsys.readouterr().out
    assert (
        "Settings that differ" in shown
        and "sampling.temperature" in shown
        and "max_tokens" not in shown.split("Settings")[1]
    )


def test_benchmarks_that_only_one_model_has_are_left_out_of_the_average(folders: list[Path], tmp_path: Path) -> None:
    benchmarks = json.loads((folders[1] / "settings.json").read_text())["benchmarks"]
    change(folders[1], "benchmarks", {"sums": benchmarks["sums"]})
    assert main(["eval", "report", *map(str, folders), "--out", str(tmp_path / "out")]) == 0
    models = json.loads((tmp_path / "out/report.json").read_text())["models"]
    assert models["first"]["macro_average"]["over"] == ["sums"]


def test_published_figures_stand_beside_a_model_of_their_shape(
    save_evaluation: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], data: Path
) -> None:
    shape = ModelFacts(name="mine", revision="1", hidden_size=1536, num_hidden_layers=28)
    found = references_for(shape, {"aime24": 1})
    assert {(each.size, each.method) for each in found} == {("1.5B", "none"), ("1.5B", "GRPO"), ("1.5B", "DGPO")}
    assert references_for(replace(shape, num_hidden_layers=2), {"aime24": 1}) == []
    assert references_for(shape, {"sums": 1}) == []
    assert all(0 < value < 100 for each in REFERENCES for value in each.accuracy.values())
    (data / "aime24.parquet").write_bytes((data / "sums.parquet").read_bytes())
    folder = save_evaluation("mine", {"aime24": [[R, W]]}, model=shape)
    score_folder(folder, processes=1)
    assert main(["eval", "report", str(folder), "--out", str(tmp_path / "out")]) == 0
    text = (tmp_path / "out/report.md").read_text()
    assert "| mine | this report | 50.0 |" in text
    assert "28.9" in text and "43.3" in text
    assert "28.9" in capsys.readouterr().out


def test_wandb_gets_figures_and_pictures(folders: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    out = tmp_path / "report"
    assert main(["eval", "report", *map(str, folders), "--out", str(out), "--wandb", "evaluations"]) == 0
    runs = sorted(out.glob("wandb/offline-run-*/*.wandb"))
    assert len(runs) == 2
    assert any(b"eval/sums" in each.read_bytes() for each in runs)
    assert list(out.glob("wandb/offline-run-*/files/media/images/*.png"))


def test_what_cannot_be_reported_is_refused(folders: list[Path], refused: Callable[..., str], tmp_path: Path) -> None:
    first, out = folders[0], tmp_path / "refused"
    unscored, partial, other, stale, grown, cut, broken, older, edited, rewritten = (
        shutil.copytree(folders[0], tmp_path / name)
        for name in ("unscored", "partial", "other", "stale", "grown", "cut", "broken", "older", "edited", "rewritten")
    )
    for file, old, new in (
        (edited / "scores.jsonl", "true", "false"),
        (generations_file(rewritten, "sums"), '"stop"', '"skip"'),
        (older / "scoring.json", '"sha256"', '"bytes"'),
    ):
        file.write_text(file.read_text().replace(old, new))
    (cut / "scores.jsonl").write_text("".join((cut / "scores.jsonl").read_text().splitlines(keepends=True)[:-1]))
    (broken / "scoring.json").write_text("[]")
    (unscored / "scoring.json").unlink()
    generations_file(partial, "sums").write_text(generations_file(partial, "sums").read_text().split("\n")[0] + "\n")
    score_folder(partial, processes=1)
    change(other, "benchmarks.sums.content_hash", "0" * 64)
    with generations_file(stale, "sums").open("a") as stream:
        stream.write("{}\n")
    change(grown, "sampling.samples", 5)
    cases: list[tuple[list[Any], str]] = [
        ([grown], "2 of 10 samples of sums are missing"),
        ([first, "--k", "1,8"], "--k=8"),
        ([first, "--k", "0"], "--k=0"),
        ([first, "--k", "two"], "--k=two"),
        ([first, folders[1], "--names", "a,a"], "--names=a,a"),
        ([first, "--names", "a,b"], "give 1 different names"),
        ([unscored], "dgpo eval score"),
        ([partial], "7 of 8 samples of sums are missing"),
        ([first, other], "different problems under this name"),
        ([cut], "scores.jsonl: it has changed"),
        ([edited], "scores.jsonl: it has changed"),
        ([broken], "scoring.json: it has changed"),
        ([older], "scoring.json: it has changed"),
        ([rewritten], "sums.jsonl: it has changed"),
        ([stale], "it has changed since it was scored"),
        ([tmp_path / "none"], "it holds no evaluation"),
        ([], "folders"),
    ]
    for arguments, message in cases:
        assert message in refused("eval", "report", *arguments, "--out", out)
    assert not out.exists()
    out.write_text("a file")
    assert "--out=" in refused("eval", "report", first, "--out", out)


def test_problems_pair_up_by_their_place_whatever_their_ids(
    save_evaluation: Callable[..., Path], data: Path, tmp_path: Path
) -> None:
    path = data / "sums.parquet"
    texts = [[R], [R], [R], [W], [W], [W]]
    folders = [save_evaluation("first", {"sums": texts})]
    rows = pq.read_table(path).to_pylist()
    for place, row in enumerate(rows):
        row["extra_info"]["id"] = str(len(rows) - place)
    write_parquet(rows, path)
    folders.append(save_evaluation("second", {"sums": texts}))
    for folder in folders:
        score_folder(folder, processes=1)
    assert main(["eval", "report", *map(str, folders), "--out", str(tmp_path / "out")]) == 0
    (found,) = json.loads((tmp_path / "out/report.json").read_text())["differences"]
    assert (found["value"], found["low"], found["high"], found["p"]) == (0, 0, 0, 1)
