import io
import json
import subprocess
import sys
import time
from pathlib import Path

from dgpo.runs.metrics import validation_score
from dgpo.training.console import HEADER, Progress, captured_output, step_line, tail

PROGRAM = """
import os, subprocess, sys
from pathlib import Path
from dgpo.training.console import captured_output
print("before")
with captured_output(Path(sys.argv[1])) as terminal:
    print("python"); os.write(1, b"native\\n"); os.write(2, b"error\\n"); subprocess.run(["echo", "child"])
    print("to the person", file=terminal)
print("after")
"""


def test_everything_but_the_terminal_stream_goes_to_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("earlier launch\n")
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(log)], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n") == ["before", "to the person", "after", ""] and done.stderr == ""
    lines = log.read_text().splitlines()
    assert lines[0] == "earlier launch" and set(lines[1:]) == {"python", "native", "error", "child"}


def test_output_comes_back_after_an_error(tmp_path: Path, capfd) -> None:
    try:
        with captured_output(tmp_path / "log"):
            raise KeyError
    except KeyError:
        print("back")
    assert capfd.readouterr().out == "back\n"


def test_tail_is_the_end(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("".join(f"{i}\n" for i in range(100)))
    assert tail(tmp_path / "log", lines=2) == "98\n99"


def test_progress_shows_each_step_as_it_appears(tmp_path: Path) -> None:
    file, terminal = tmp_path / "m.jsonl", io.StringIO()
    file.touch()
    with Progress(file, terminal, total_steps=2):
        first = {"critic/score/mean": 0.5, "timing_s/step": 4.0, "val-core/x/acc/mean@8": 0.25}
        file.write_text(json.dumps({"step": 1, "data": first}) + "\n")
        time.sleep(1.2)
        assert "0.500" in terminal.getvalue() and "0.250" in terminal.getvalue()
        with file.open("a") as stream:
            stream.write(
                json.dumps({"step": 2, "data": {"actor/region/ln/share": 0.01, "actor/region/hp/share": 0.02}})
            )
            stream.write("\n")
    header, first, second = terminal.getvalue().splitlines()
    assert header == HEADER and first.split()[-1] == "0:04" and "3.000%" in second
    assert len(header) == len(first) == len(second)


def test_the_step_s_row_shows_the_score_that_the_best_is_chosen_by() -> None:
    metrics = {"val-core/aime24/acc/mean@16": 0.25, "val-core/aime24/acc/mean@16/low": 0.75}
    assert "0.250" in step_line(20, 100, metrics, None) and validation_score(metrics) == 0.25
