import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from dgpo import files
from dgpo.cli import main as dgpo
from dgpo.errors import UserError
from dgpo.verifier.files.answer_file import Fields, read_rows
from dgpo.verifier.files.verify_file import verify_file

GOOD = {"response": r"\boxed{7}", "ground_truth": "7"}
LABELLED: list[dict[str, Any]] = [
    {"response": r"\boxed{7}", "ground_truth": "7", "expected": True, "id": "a"},
    {"response": r"\boxed{8}", "ground_truth": "7", "expected": 0},
    {"response": r"\boxed{1+f(x)}", "ground_truth": "f(x)+1", "expected": True},
    {"response": r"\boxed{8}", "ground_truth": "7", "expected": True, "id": "mislabelled"},
    {"response": "nothing", "ground_truth": "7", "note": [1, {"deep": None}], "expected": None},
    {"response": "\\boxed{\x1b[31m7 \ud800}", "ground_truth": "7", "expected": False},
]


def write(path: Path, *rows: Mapping[str, Any] | str) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def no_partial(folder: Path) -> bool:
    return not list(folder.glob(".*partial"))


def test_a_file_with_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "in.jsonl", *LABELLED)
    out, summary = tmp_path / "new" / "out.jsonl", tmp_path / "summary.json"
    assert dgpo(["verify", str(file), "--out", str(out), "--json", str(summary), "--timeout", "10"]) == 1
    verdicts = [json.loads(line) for line in out.read_text().splitlines()]
    assert [{key: row[key] for key in row if key != "verdict"} for row in verdicts] == LABELLED
    assert [row["verdict"]["correct"] for row in verdicts] == [True, False, True, False, False, False]
    assert [row["verdict"]["line"] for row in verdicts] == [1, 2, 3, 4, 5, 6]
    assert [row["verdict"]["stage"] for row in verdicts[:3]] == ["string", "numeric", "value"]
    told = json.loads(summary.read_text())
    assert (told["rows"], told["right"], told["labelled"], told["accuracy"]) == (6, 2, 5, 0.8)
    assert told["confusion"] == {"TP": 2, "FP": 0, "FN": 1, "TN": 2}
    assert sum(told["reasons"].values()) == sum(told["stages"].values()) == 6
    shown = capsys.readouterr().out
    assert "accuracy 80.00% on 5 labelled rows: TP 2, FP 0, FN 1, TN 2" in shown
    assert re.search(r"all 1\b", shown) and re.search(r" 4 +true +mismatch \(numeric\) ", shown)
    assert "\x1b" not in shown
    assert no_partial(tmp_path) and no_partial(out.parent)


def test_other_field_names_and_modes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "in.jsonl", {"text": "The answer is 7.", "gold": "7", "label": 1, "verdict": "mine"})
    names = ["--response-field=text", "--ground-truth-field=gold", "--expected-field=label", "--verdict-field=ours"]
    out = tmp_path / "out.jsonl"
    assert dgpo(["verify", str(file), *names, "--mode=extract", f"--out={out}", "--processes=1"]) == 0
    row = json.loads(out.read_text())
    assert row["verdict"] == "mine" and row["ours"]["correct"] is True
    assert "TP 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ('{"response": "7", "gro', "line 2 is no JSON"),
        ("[1]", "line 2 is list, not an object"),
        ({"ground_truth": "7"}, "line 2 has no 'response' .*--response-field"),
        ({"response": "7"}, "line 2 has no 'ground_truth' .*--ground-truth-field"),
        ({"response": ["7"], "ground_truth": "7"}, "line 2: response=.* is list; write it as a string"),
        ({"response": "7", "ground_truth": 7}, "line 2: ground_truth=7 is int; write it as a string"),
        ({**GOOD, "expected": "yes"}, "line 2: expected='yes' is no label"),
        ({**GOOD, "verdict": 1}, "line 2 has a field 'verdict' already; .*--verdict-field"),
        ("9" * 5000, "line 2 is no JSON"),
        ("[" * 200_000, "line 2 is no JSON"),
    ],
)
def test_a_bad_row_is_named_before_anything_is_verified(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bad: Mapping[str, Any] | str, told: str
) -> None:
    file = write(tmp_path / "in.jsonl", GOOD, bad)
    out = write(tmp_path / "out.jsonl", "kept")
    assert dgpo(["verify", str(file), "--out", str(out), "--json", str(tmp_path / "summary.json")]) == 2
    error = capsys.readouterr().err
    assert str(file) in error and re.search(told, error), error
    assert out.read_text() == "kept\n"
    assert sorted(os.listdir(tmp_path)) == ["in.jsonl", "out.jsonl"]


def test_bad_rows_are_skipped_named_and_counted_where_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "in.jsonl", GOOD, "{", "", GOOD)
    with file.open("ab") as end:
        end.write(b'\xff\n{"response": "\\\\boxed{7}", "ground_t')
    out = tmp_path / "out.jsonl"
    assert dgpo(["verify", str(file), "--skip-bad-rows", "--out", str(out), "--processes=1"]) == 1
    shown = capsys.readouterr()
    assert "3 lines could not be used" in shown.out
    assert [int(number) for number in re.findall(r"line (\d+) is no(?: JSON|t UTF-8)", shown.err)] == [2, 5, 6]
    assert "probably cut short" in shown.err.splitlines()[-1]
    assert [json.loads(line)["verdict"]["line"] for line in out.read_text().splitlines()] == [1, 4]


def test_a_line_over_the_limit_is_one_bad_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_LINE_BYTES", 100)
    file = write(tmp_path / "in.jsonl", GOOD, {**GOOD, "note": "x" * 350}, GOOD)
    with pytest.raises(UserError, match="line 2 is longer"):
        verify_file(file)
    bad: list[UserError] = []
    read = list(read_rows(file, Fields(), on_bad=bad.append))
    assert ([row.line for row in read], len(bad)) == ([1, 3], 1)


TOO_LONG = "x" * 300
"""No file system has such a name."""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "give either FILE or --explain"),
        (["FILE", "--explain", "7", "--gold", "7"], "give either FILE or --explain"),
        (["--explain", "7"], "go together"),
        (["FILE", "--gold", "7"], "go together"),
        (["--explain", "7", "--gold", "7", "--out", "x"], "leave them out"),
        (["--explain", "7", "--gold", "7", "--json", "x"], "leave them out"),
        (["FILE", "--mode", "boxes"], "--mode"),
        (["FILE", "--timeout", "0"], "--timeout=0.0"),
        (["FILE", "--timeout", "nan"], "--timeout=nan"),
        (["FILE", "--timeout", "long"], "--timeout"),
        (["FILE", "--processes", "0"], "--processes"),
        (["FILE", "--processes", "9" * 20], "--processes"),
        (["FILE", "--processes", "two"], "--processes"),
        (["FILE", "--show", "-1"], "--show"),
        (["FILE", "--show", "all"], "--show"),
        (["FILE", "--skip-bad-rows=yes"], "--skip-bad-rows"),
        (["FILE", "--ground-truth-field", "none"], "has no 'none'"),
        (["FILE", "--expected-field", "response"], "is no label"),
        (["FILE", "--expected-field", "lable"], "--expected-field=lable: no row of"),
        (["answers.parquet"], "write it so: pandas' to_json("),
        (["FILE", "--verdict-field", "response"], "has a field 'response' already"),
        (["FILE", "--out", "FILE"], "is FILE as well; give two paths"),
        (["FILE", "--json", "FILE"], "is FILE as well; give two paths"),
        (["FILE", "--out", "x", "--json", "x"], "give two paths"),
        *[(["FILE", option, "."], "is a directory") for option in ("--out", "--json")],
        *[(["FILE", option, "/dev/null"], "a device") for option in ("--out", "--json")],
        *[
            (["FILE", option, "/proc/none/x"], f"{option}=/proc/none: there can be no such folder")
            for option in ("--out", "--json")
        ],
        *[(["FILE", option, TOO_LONG], "give another path") for option in ("--out", "--json")],
        *[(["FILE", option, "FILE/x"], "there can be no such folder") for option in ("--out", "--json")],
        (["missing.jsonl"], "missing.jsonl: No such file"),
        (["."], "directory"),
        (["/dev/null"], "pipe"),
        ([TOO_LONG], "give another path"),
        (["FILE", "FILE"], "unexpected extra argument"),
        (["FILE", "--nothing"], "No such option"),
    ],
)
def test_options_that_cannot_be_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    file = write(tmp_path / "in.jsonl", GOOD)
    assert dgpo(["verify", *(word.replace("FILE", str(file)) for word in arguments)]) == 2
    error = capsys.readouterr().err
    assert told in " ".join(error.replace("│", "").split()), error
    assert json.loads(file.read_text()) == GOOD
    assert os.listdir(tmp_path) == ["in.jsonl"]


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no row to verify"):
        verify_file(write(tmp_path / "in.jsonl", ""))


def test_a_packed_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl.gz"
    file.write_bytes(gzip.compress(json.dumps(GOOD).encode()))
    assert [row.ground_truth for row in read_rows(file, Fields())] == ["7"]
    file.write_bytes(gzip.compress(json.dumps(GOOD).encode() * 99)[:20] + b"damaged" * 9)
    with pytest.raises(UserError, match=r"in\.jsonl\.gz: .*give another file"):
        list(read_rows(file, Fields()))


def test_explain_prints_the_stages(capsys: pytest.CaptureFixture[str]) -> None:
    assert dgpo(["verify", "--explain", r"\boxed{14/2}", "--gold", "7"]) == 0
    shown = capsys.readouterr().out
    assert all(step in shown for step in ("extract", "symbols", "tree", "(* 14 (/ 2))", "value", "right: match"))


def children(pid: int) -> Iterator[int]:
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield int(child)
        yield from children(int(child))


def ended(pids: list[int], seconds: float = 30.0) -> bool:
    """Whether they all go within a generous time; a zombie that nobody reaped is gone as well."""

    def runs(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
        except (FileNotFoundError, ProcessLookupError):
            return False

    deadline = time.monotonic() + seconds
    while any(map(runs, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(map(runs, pids))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_stopped_leaves_no_process_and_no_output(tmp_path: Path, how: signal.Signals) -> None:
    rows = [{"response": rf"\boxed{{\sin(x^2)+{n}}}", "ground_truth": f"{n}+\\sin(xx)"} for n in range(50_000)]
    file = write(tmp_path / "in.jsonl", *rows)
    command = [sys.executable, "-m", "dgpo.cli", "verify", str(file), f"--out={tmp_path / 'out'}"]
    run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 60

    def at_work(pid: int) -> bool:
        return psutil.Process(pid).cpu_times().user > 1

    while not any(map(at_work, started := list(children(run.pid)))) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(started) >= 2  # resource tracker, verifying process
    os.kill(run.pid, how)
    _, error = run.communicate(timeout=60)
    assert ended(started)
    assert not (tmp_path / "out").exists()
    if how == signal.SIGINT:
        assert run.returncode == 130
        assert "interrupted; nothing was written" in error and "Traceback" not in error
        assert no_partial(tmp_path)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    line = json.dumps({"response": "x " * 50_000 + r"\boxed{7}", "ground_truth": "7"}) + "\n"
    with file.open("w") as out:
        out.writelines([line] * 5000)  # 500 MB
    # Not ru_maxrss, which counts the process that started this one.
    code = (
        "import re, sys; from dgpo.cli import main; main(sys.argv[1:]);"
        "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])"
    )
    command = [sys.executable, "-c", code, "verify", str(file), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "5,000 of 5,000 right" in done.stdout
    assert int(done.stdout.splitlines()[-1]) < 300_000  # KiB
    assert sum(1 for _ in (tmp_path / "out").open()) == 5000
