import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

import psutil
import pytest

from dgpo.cli import main
from dgpo.cli.evaluation import eval_score
from dgpo.evaluation import score
from dgpo.evaluation.benchmarks import read_benchmark
from dgpo.evaluation.generations import generations_file
from dgpo.files import file_sha256
from dgpo.rewards.verl import compute_score
from dgpo.verifier.stages import Mode

RESPONSES = [
    r"so \boxed{GOLD}",
    r"\boxed{1+GOLD-1}",
    r"\boxed{7}",
    r"\boxed{07.0}",
    r"\boxed{x+1}",
    r"\boxed{1+x}",
    "no box ...",
    r"\boxed{7 or 8}",
]


def scores(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / score.SCORES).read_text().splitlines()]


def test_verdicts_and_answer_classes(save_evaluation: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    folder = save_evaluation("by-hand", {"sums": [RESPONSES, RESPONSES], "more": [RESPONSES]})
    assert main(["eval", "score", str(folder), "--processes", "2"]) == 0
    assert capsys.readouterr().out == "sums: 16 samples scored\nmore: 8 samples scored\n"
    found = scores(folder)
    assert [each["benchmark"] for each in found] == ["sums"] * 16 + ["more"] * 8
    for begin in (0, 8, 16):
        one = found[begin : begin + 8]
        assert [each["sample"] for each in one] == list(range(8))
        assert [each["correct"] for each in one] == [True, True, *[False] * 6]
        assert [each["answer_class"] for each in one] == [0, 0, 1, 1, 2, 2, None, 3]
        assert [each["reason"] for each in one][-2:] == ["no_answer", "hedge"]
        assert one[6]["finish_reason"] == "length"


def test_training_and_evaluation_score_one_set_of_generations_alike(save_evaluation: Callable[..., Path]) -> None:
    folder = save_evaluation("by-hand", {"sums": [RESPONSES]})
    score.score_folder(folder, processes=1)
    (problem,) = read_benchmark(folder / "data", "sums").problems
    gold = problem.ground_truth
    generations = [json.loads(line) for line in generations_file(folder, "sums").read_text().splitlines()]

    async def in_training() -> list[dict[str, float | str]]:
        calls = [compute_score("sums", each["text"], gold, {}) for each in generations]
        return await asyncio.gather(*calls)

    trained, evaluated = asyncio.run(in_training()), scores(folder)
    assert [bool(each["score"]) for each in trained] == [each["correct"] for each in evaluated]
    assert [each["reason"] for each in trained] == [each["reason"] for each in evaluated]
    assert [each["pred"] for each in trained] == [each["answer"] or "" for each in evaluated]
    assert len({each["score"] for each in trained}) == 2


def test_a_mode_changes_where_the_answer_is(save_evaluation: Callable[..., Path]) -> None:
    folder = save_evaluation("by-hand", {"sums": [["The answer is GOLD.", r"\boxed{GOLD}"]]})
    assert main(["eval", "score", str(folder), "--processes", "1"]) == 0
    assert [each["correct"] for each in scores(folder)] == [False, True]
    assert main(["eval", "score", str(folder), "--processes", "1", "--mode", "extract"]) == 0
    assert [each["correct"] for each in scores(folder)] == [True, True]
    assert json.loads((folder / score.SCORING).read_text())["mode"] == "extract"


def test_an_unfinished_run_is_scored_and_said_to_be_unfinished(
    save_evaluation: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = save_evaluation("by-hand", {"sums": [RESPONSES]})
    file = generations_file(folder, "sums")
    file.write_bytes(file.read_bytes()[:-9])
    assert main(["eval", "score", str(folder), "--processes", "1"]) == 0
    assert "sums: 7 samples scored; 1 samples are missing" in capsys.readouterr().out
    assert json.loads((folder / score.SCORING).read_text())["benchmarks"]["sums"]["sha256"] == file_sha256(file)


def test_bad_input_is_named_and_old_scores_do_not_pass_for_new(
    save_evaluation: Callable[..., Path], tmp_path: Path, refused: Callable[..., str]
) -> None:
    folder = save_evaluation("by-hand", {"sums": [RESPONSES]})
    assert main(["eval", "score", str(folder), "--processes", "1"]) == 0
    file = generations_file(folder, "sums")
    content = file.read_bytes()
    file.write_bytes(content + content.splitlines(keepends=True)[2])
    said = refused("eval", "score", folder, "--processes", "1")
    assert f"{file}, line 9: sample 2" in said and "is there twice" in said
    assert not (folder / score.SCORING).exists()

    (folder / "data/sums.parquet").write_bytes(b"other")
    for arguments, message in (
        ([folder], "it is not the file that the answers were generated for"),
        ([tmp_path / "nowhere"], "it holds no evaluation"),
        ([folder, "--timeout", "0"], "--timeout=0.0"),
        ([folder, "--timeout", "inf"], "--timeout=inf"),
        ([folder, "--timeout", "soon"], "--timeout"),
        ([folder, "--processes", "0"], "--processes=0"),
        ([folder, "--processes", "few"], "--processes"),
        ([folder, "--mode", "nope"], "--mode"),
        ([], "folder"),
    ):
        assert message in refused("eval", "score", *arguments)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_scoring_that_is_stopped_leaves_no_process_and_no_scores(
    save_evaluation: Callable[..., Path], how: signal.Signals
) -> None:
    folder = save_evaluation("by-hand", {"sums": [["word " * 1000 + r"\boxed{GOLD}"] * 4000] * 6})
    command = [sys.executable, "-m", "dgpo.cli", "eval", "score", str(folder), "--processes", "2"]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while len(workers := psutil.Process(running.pid).children(recursive=True)) < 3:
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    running.send_signal(how)
    _, said = running.communicate(timeout=60)
    assert running.returncode == (130 if how == signal.SIGINT else -how), "it was not stopped half way"
    assert not psutil.wait_procs(workers, timeout=60)[1]
    assert not (folder / score.SCORING).exists()
    if how == signal.SIGINT:
        assert said == f"interrupted; {folder} has no scores now, score it again\n"


def test_many_long_responses_are_scored_in_little_memory(save_evaluation: Callable[..., Path]) -> None:
    """450 MB of responses; two processes with their workers, and what is held at a time, take less than that."""
    folder = save_evaluation("by-hand", {"sums": [["word " * 20_000 + r"\boxed{GOLD}"] * 750] * 6})
    program = """
import resource, sys, threading, time, psutil
from pathlib import Path
from dgpo.evaluation.score import score_folder
def main():
    peak, me, done = [0], psutil.Process(), threading.Event()
    def watch():
        while not done.wait(0.2):
            total = 0
            for each in [me, *me.children(recursive=True)]:
                try:
                    total += each.memory_full_info().pss
                except psutil.Error:
                    pass
            peak[0] = max(peak[0], total)
    watcher = threading.Thread(target=watch)
    watcher.start()
    score_folder(Path(sys.argv[1]), processes=2)
    done.set()
    watcher.join()
    print(peak[0])
if __name__ == "__main__":
    main()
"""
    script = folder.with_name("watch.py")
    script.write_text(program)
    done = subprocess.run([sys.executable, str(script), str(folder)], capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    size = generations_file(folder, "sums").stat().st_size
    assert size > 440e6
    assert int(done.stdout) < size
    assert sum(1 for _ in (folder / score.SCORES).open()) == 4500


def test_answers_are_one_when_the_verifier_calls_them_equal() -> None:
    answers = ["0.5", r"\frac{1}{2}", "x+1", "1 + x", "2", r"\dfrac12", "2.0"]
    assert score.group_answers([(score.answer_key(each), True) for each in answers], 5.0) == [0, 0, 1, 1, 2, 0, 2]


def test_an_answer_that_the_verifier_could_not_read_equals_its_copies_alone() -> None:
    answers = [("0.5", False), ("1/2", True), ("0.5", False), ("1/2", True)]
    assert score.group_answers(answers, 5.0) == [0, 1, 0, 1]


def test_the_command_takes_every_mode_of_the_verifier() -> None:
    taken = get_args(get_type_hints(eval_score, include_extras=True)["mode"])[0]
    assert get_args(taken) == get_args(Mode)
