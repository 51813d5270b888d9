import subprocess
import sys
from pathlib import Path

from dgpo.console import captured_output, tail

PROGRAM = """
import os, subprocess, sys
from pathlib import Path
from dgpo.console import captured_output
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
