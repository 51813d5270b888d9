import io
import json
import time
from pathlib import Path

from dgpo.runs.metrics import validation_score
from dgpo.training.step_lines import HEADER, Progress, step_line


def test_progress_shows_each_step_as_it_appears(tmp_path: Path) -> None:
    file, terminal = tmp_path / "m.jsonl", io.StringIO()
    file.touch()
    with Progress(file, terminal, total_steps=2):
        first = {"critic/score/mean": 0.5, "timing_s/step": 4.0, "val-core/x/acc/mean@8": 0.25}
        file.write_text(json.dumps({"step": 1, "data": first}) + "\n")
        for _ in range(600):
            if "0.250" in terminal.getvalue():
                break
            time.sleep(0.1)
        assert "0.500" in terminal.getvalue() and "0.250" in terminal.getvalue()
        with file.open("a") as stream:
            stream.write(
                json.dumps({"step": 2, "data": {"actor/region/ln/share": 0.01, "actor/region/hp/share": 0.02}})
            )
            stream.write("\n")
    header, first, second = terminal.getvalue().splitlines()
    assert header == HEADER.format("val acc") and first.split()[-1] == "0:04" and "3.000%" in second
    assert len(header) == len(first) == len(second)


def test_the_step_s_row_shows_the_score_that_the_best_is_chosen_by() -> None:
    metrics = {"val-core/aime24/acc/mean@16": 0.25, "val-core/aime24/acc/mean@16/low": 0.75}
    assert "0.250" in step_line(20, 100, metrics, None) and validation_score(metrics) == 0.25


def test_weights_that_differ_between_vllm_and_the_trainer_are_told_once(tmp_path: Path) -> None:
    file, terminal = tmp_path / "m.jsonl", io.StringIO()
    gaps = [0.0004, 0.08, 0.2]
    rows = [{"step": i, "data": {"training/rollout_probs_diff_mean": gap}} for i, gap in enumerate(gaps, 1)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with Progress(file, terminal, total_steps=3):
        pass
    lines = terminal.getvalue().splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["1/3", "2/3", "warning:", "rollouts", "3/3"]
    assert "0.08" in lines[3]
