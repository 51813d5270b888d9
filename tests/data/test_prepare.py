"""`dgpo data prepare` as a person runs it: options, what is written, and what happens when it cannot be."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from dgpo.cli import main
from dgpo.data.manifest import Manifest, content_hash, read_manifest
from dgpo.data.prepare import token_counter
from dgpo.files import file_sha256
from dgpo.tasks import small_model
from tests.data.own import write

LONG = "In how many ways can the letters of the word be arranged so that no two vowels stand side by side in it"
ROWS = [
    {"problem": "What is $1+1$?", "answer": "2"},
    {"problem": f"{LONG}, if the word is SEED?", "answer": "007"},
    {"problem": "Sum of angles?", "answer": "180°"},
    {"problem": "Twice?", "answer": "4"},
    {"problem": "Twice?", "answer": "5"},
    {"problem": "Letters only?", "answer": ""},
    *({"problem": f"What is {i} squared?", "answer": str(i * i)} for i in range(20)),
]


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return write(tmp_path / "mine.jsonl", ROWS)


def manifest_of(path: Path) -> Manifest:
    found = read_manifest(path)
    assert found is not None
    return found


def prepare(*arguments: object) -> int:
    return main(["data", "prepare", *map(str, arguments)])


def rows_of(path: Path) -> list[dict[str, Any]]:
    return pq.read_table(path).to_pylist()


def dropped(out: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / f"{name}.dropped.jsonl").read_text().splitlines()]


def test_an_own_file_becomes_a_prompt_file_with_its_manifest(mine: Path, tmp_path: Path):
    out = tmp_path / "out"
    assert prepare(mine, "--out", out) == 0
    assert sorted(each.name for each in out.iterdir()) == ["mine.dropped.jsonl", "mine.manifest.json", "mine.parquet"]
    rows = rows_of(out / "mine.parquet")
    manifest = manifest_of(out / "mine.parquet")
    assert (manifest.rows_in, manifest.rows_out, len(rows)) == (26, 23, 23)
    assert manifest.dropped == {"conflicting answers": 2, "empty answer": 1}
    assert manifest.files == [{"path": "mine.jsonl", "sha256": file_sha256(mine)}]
    assert manifest.sha256 == file_sha256(out / "mine.parquet")
    assert manifest.content_hash == content_hash(
        (row["extra_info"]["problem"], row["reward_model"]["ground_truth"]) for row in rows
    )
    assert [row["extra_info"]["index"] for row in rows] == list(range(23))
    assert [each["reason"] for each in dropped(out, "mine")] == ["empty answer", "conflicting answers"]


def test_columns_name_and_template_are_the_user_s(tmp_path: Path):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([{"q": {"text": "1+1=?"}, "a": 2, "key": "first"}]))
    fields = ["--prompt-field", "q.text", "--answer-field", "a", "--id-field", "key"]
    assert prepare(path, "--out", tmp_path, *fields, "--name", "sums", "--template", "Q: {problem} {now}") == 0
    (row,) = rows_of(tmp_path / "sums.parquet")
    assert row["prompt"] == [{"role": "user", "content": "Q: 1+1=? {now}"}]
    assert (row["data_source"], row["reward_model"]["ground_truth"], row["extra_info"]["id"]) == ("sums", "2", "first")
    assert (manifest_of(tmp_path / "sums.parquet").template) == "custom"


def test_problems_that_a_file_names_alike_get_names_of_their_own(tmp_path: Path):
    rows = [{"problem": f"{i}=?", "answer": str(i), "id": "same"} for i in range(3)]
    path = write(tmp_path / "rows.jsonl", rows)
    assert prepare(path, "--out", tmp_path) == 0
    ids = [row["extra_info"]["id"] for row in rows_of(tmp_path / "rows.parquet")]
    assert ids == ["same", "same/1", "same/2"]


def test_the_same_input_gives_the_same_bytes(mine: Path, tmp_path: Path):
    benchmark = tmp_path / "bench"
    assert prepare("arithmetic", "--out", benchmark, "--limit", "50") == 0
    outs = [tmp_path / "one", tmp_path / "two"]
    for seed, out in enumerate(outs):
        # Another order of sets and dictionaries of strings must make no difference.
        command = [sys.executable, "-m", "dgpo.cli", "data", "prepare", str(mine), "--out", str(out), "--limit", "9"]
        command += ["--seed", "1", "--decontaminate", str(benchmark)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": str(seed)}, capture_output=True)
    for one in outs[0].iterdir():
        assert one.read_bytes() == (outs[1] / one.name).read_bytes(), one.name


def test_a_limit_draws_by_its_seed_and_keeps_the_order(mine: Path, tmp_path: Path):
    drawn = {}
    for seed in (0, 1):
        assert prepare(mine, "--out", tmp_path, "--name", f"s{seed}", "--limit", "8", "--seed", seed) == 0
        rows = rows_of(tmp_path / f"s{seed}.parquet")
        drawn[seed] = [int(row["extra_info"]["id"]) for row in rows]
    assert len(drawn[0]) == len(drawn[1]) == 8
    assert drawn[0] != drawn[1]
    assert all(ids == sorted(ids) for ids in drawn.values())
    assert manifest_of(tmp_path / "s0.parquet").dropped["beyond the limit"] == 15


def test_training_problems_of_a_benchmark_are_dropped_and_listed(mine: Path, tmp_path: Path):
    known = [{"problem": "what is 1 + 1", "answer": "2"}, {"problem": f"{LONG}, if the word is SEAL?", "answer": "6"}]
    benchmark = write(tmp_path / "bench.jsonl", known)
    out = tmp_path / "out"
    assert prepare(benchmark, "--out", out, "--purpose", "benchmark") == 0
    assert prepare(mine, "--out", out, "--name", "other") == 0  # a training set in the same folder is not compared with
    assert prepare(mine, "--out", out, "--decontaminate", out) == 0
    counts = manifest_of(out / "mine.parquet").dropped
    assert (counts["in a benchmark"], counts["nearly in a benchmark"]) == (1, 1)
    assert manifest_of(out / "mine.parquet").options["decontaminate"] == {
        "bench.parquet": file_sha256(out / "bench.parquet")
    }
    overlaps = [each for each in dropped(out, "mine") if "benchmark" in each]
    assert [(each["benchmark"], each["benchmark_id"]) for each in overlaps] == [("bench", "0"), ("bench", "1")]
    assert overlaps[0]["similarity"] == 1
    assert 0.7 <= overlaps[1]["similarity"] < 1
    assert prepare(mine, "--out", out, "--decontaminate", out / "bench.parquet", "--near", "1") == 0
    assert "nearly in a benchmark" not in manifest_of(out / "mine.parquet").dropped


def test_long_prompts_are_dropped_by_characters_or_by_tokens(mine: Path, tmp_path: Path):
    rendered = len("Sum of angles?")
    assert prepare(mine, "--out", tmp_path, "--template", "none", "--max-prompt-chars", rendered) == 0
    longest = max(len(r["prompt"][0]["content"]) for r in rows_of(tmp_path / "mine.parquet"))
    assert longest == rendered
    assert manifest_of(tmp_path / "mine.parquet").dropped["prompt too long"] > 0

    model = tmp_path / "model"
    rows = [{"problem": problem, "answer": "2"} for problem in ("1+1=?", "11+11=?", "111+111=?")]
    sums = write(tmp_path / "sums.jsonl", rows)
    small_model.create(model, seed=0)
    count = token_counter(model)
    assert count("11+11=?") == count("1+1=?") + 2  # one token a character
    limit = ["--max-prompt-tokens", count("11+11=?"), "--tokenizer", model]
    assert prepare(sums, "--out", tmp_path, "--template", "none", *limit) == 0
    problems = [row["extra_info"]["problem"] for row in rows_of(tmp_path / "sums.parquet")]
    assert problems == ["1+1=?", "11+11=?"]
    assert dropped(tmp_path, "sums")[0]["tokens"] == count("111+111=?")


LATE = {
    "an out below a file": (["--out", "{mine}/below"], "there can be no such folder (Not a directory)"),
    "no such benchmarks": (["--decontaminate", "{out}/none"], "none: there is no such file or folder"),
    "a benchmark of another kind": (["--decontaminate", "{mine}"], "no prompt file of `dgpo data prepare`"),
    "no such tokenizer": (["--max-prompt-tokens", "9", "--tokenizer", "{out}/none"], "none: there is no such folder"),
}


@pytest.mark.parametrize("what", LATE)
def test_what_would_stop_the_work_is_refused_before_it(
    what: str, mine: Path, tmp_path: Path, refused: Callable[..., str]
):
    arguments, message = LATE[what]
    out = tmp_path / "out"
    said = refused("data", "prepare", mine, "--out", out, *(each.format(mine=mine, out=out) for each in arguments))
    assert message in said and "reading" not in said


def test_conflicts_can_be_kept_with_the_answer_of_most_rows(tmp_path: Path):
    path = write(tmp_path / "rows.jsonl", [{"problem": "p", "answer": answer} for answer in ("1", "2", "2.0")])
    assert prepare(path, "--out", tmp_path) == 2  # nothing would be left
    assert prepare(path, "--out", tmp_path, "--keep-conflicts") == 0
    (row,) = rows_of(tmp_path / "rows.parquet")
    assert row["reward_model"]["ground_truth"] == "2"


def test_an_unexpected_number_of_rows_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "aime.csv"
    path.write_text("id,problem,answer\n1,One?,001\n2,Two?,002\n")
    assert prepare("aime24", "--from", path, "--out", tmp_path / "out") == 0
    assert "note: 2 rows were read and 30 (HuggingFaceH4/aime_2024)" in capsys.readouterr().out


def test_the_data_itself_is_never_overwritten(mine: Path, tmp_path: Path, refused: Callable[..., str]):
    assert prepare(mine, "--out", tmp_path) == 0
    fields = ["--prompt-field", "extra_info.problem", "--answer-field", "reward_model.ground_truth"]
    said = refused("data", "prepare", tmp_path / "mine.parquet", "--out", tmp_path, *fields)
    assert "would take the place of the data itself" in said
    assert prepare(tmp_path / "mine.parquet", "--out", tmp_path, "--name", "again", *fields) == 0
    assert manifest_of(tmp_path / "again.parquet").content_hash == manifest_of(tmp_path / "mine.parquet").content_hash


BROKEN = {
    "a cut last line": ('{"problem": "p", "answer": "1"}\n{"problem": ', "mine.jsonl, line 2 is no JSON"),
    "another column": ('{"question": "p", "answer": "1"}\n', "--prompt-field COLUMN"),
    "no rows": ("", "there are no rows"),
    "no answer": (
        '{"problem": "p", "answer": ""}\n',
        "no row is left of 1 (dropped: {'empty answer': 1}; the first, row 0",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_was_there_stays_when_new_data_cannot_be_read(
    what: str, mine: Path, tmp_path: Path, refused: Callable[..., str]
):
    out = tmp_path / "out"
    assert prepare(mine, "--out", out) == 0
    before = {each.name: each.read_bytes() for each in out.iterdir()}
    content, message = BROKEN[what]
    mine.write_text(content)
    assert message in refused("data", "prepare", mine, "--out", out)
    assert {name: (out / name).read_bytes() for name in before} == before


def has_open(pid: int, path: Path) -> bool:
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed in between
            if os.readlink(each) == str(path):
                return True
    return False


def test_an_interrupted_run_leaves_what_was_there(mine: Path, tmp_path: Path):
    out = tmp_path / "out"
    assert prepare(mine, "--out", out) == 0
    before = {each.name: each.read_bytes() for each in out.iterdir()}
    with mine.open("a") as stream:
        stream.writelines(json.dumps({"problem": f"{LONG} {i}?", "answer": str(i)}) + "\n" for i in range(300_000))
    process = subprocess.Popen(
        [sys.executable, "-m", "dgpo.cli", "data", "prepare", str(mine), "--out", str(out)], stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while not has_open(process.pid, mine):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"interrupted" in errors
    assert {each.name: each.read_bytes() for each in out.iterdir()} == before
