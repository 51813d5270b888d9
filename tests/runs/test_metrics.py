import json
from pathlib import Path

import pytest

from dgpo.errors import UserError
from dgpo.runs.folder import RunFolder
from dgpo.runs.metrics import history, read_metrics, validation_measure, validation_score


def write(file: Path, *records: tuple[int, dict[str, float]]) -> None:
    lines = [json.dumps({"step": step, "data": data}) for step, data in records]
    file.write_text("".join(line + "\n" for line in lines))


def test_a_line_being_written_is_read_once_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "m.jsonl"
    write(file, (1, {"a": 1.0}))
    with file.open("a") as stream:
        stream.write('{"step": 2, "da')
    read = list(read_metrics(file))
    assert [step for step, _, _ in read] == [1]
    with file.open("a") as stream:
        stream.write('ta": {}}\n')
    assert [step for step, _, _ in read_metrics(file, read[-1][2])] == [2]


def test_what_is_no_number_is_no_figure(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text('{"step": 1, "data": {"a": null, "b": "high", "c": 2}}\n')
    assert [data for _, data, _ in read_metrics(tmp_path / "m.jsonl")] == [{"c": 2}]


@pytest.mark.parametrize("step", ['"a"', "1.5", "1e400", "-1", "true", "null", '"7"', '1, "data": [1]'])
def test_a_line_that_is_no_step_is_refused(tmp_path: Path, step: str) -> None:
    for line in (f'{{"data": {{}}, "step": {step}}}', "{}", ""):
        (tmp_path / "m.jsonl").write_text(line + "\n")
        with pytest.raises(UserError, match="is no step of a run"):
            list(read_metrics(tmp_path / "m.jsonl"))


def test_history_takes_repeated_steps_from_the_later_launch_and_keeps_the_others(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    write(folder.new_metrics_file(), (0, {"val": 0.1}), (1, {"actor/x": 1.0}), (2, {"actor/x": 2.0, "val": 0.2}))
    # A resumed launch validates first, at the step it goes on from, and logs nothing else there.
    write(folder.new_metrics_file(), (1, {"val": 0.9}), (2, {"actor/x": 20.0}), (3, {"actor/x": 30.0}))
    assert history(folder) == {0: {"val": 0.1}, 1: {"actor/x": 1.0}, 2: {"actor/x": 20.0}, 3: {"actor/x": 30.0}}


def test_history_drops_what_a_launch_from_an_earlier_step_leaves_behind(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    write(folder.new_metrics_file(), (0, {"val": 0.1}), *((step, {"actor/x": float(step)}) for step in range(1, 6)))
    write(folder.new_metrics_file(), (0, {"val": 0.5}), (1, {"actor/x": 10.0}), (2, {"actor/x": 20.0}))
    assert history(folder) == {0: {"val": 0.5}, 1: {"actor/x": 10.0}, 2: {"actor/x": 20.0}}


def test_the_score_is_the_mean_over_data_sources() -> None:
    metrics = {
        "val-core/aime24/acc/mean@16": 0.25,
        "val-core/aime25/acc/mean@16": 0.75,
        "val-core/aime24/acc/best@16/mean": 1.0,
        "val-aux/aime24/score/mean@16": 1.0,
    }
    assert validation_score(metrics) == 0.5
    assert validation_score({"actor/grad_norm": 1.0}) is None


def test_the_score_is_the_reward_where_a_source_has_no_accuracy() -> None:
    with_accuracy = {"val-core/a/acc/mean@4": 0.25, "val-aux/a/reward/mean@4": -0.5, "val-aux/a/score/mean@4": -0.5}
    assert validation_measure(with_accuracy) == ("acc", 0.25)
    without = {"val-core/b/reward/mean@4": 0.7, "val-core/b/reward/best@4/mean": 0.9}
    assert validation_measure(without) == ("score", 0.7)
    assert validation_measure(with_accuracy | without) == ("score", pytest.approx(0.1))
