import json
from pathlib import Path

import pytest

from dgpo.errors import UserError
from dgpo.evaluation.generations import append, locked, read_generations, sample_seed, set_aside_cut_line


def write(file: Path, *lines: bytes) -> Path:
    file.write_bytes(b"".join(lines))
    return file


def line(problem: str, sample: int, text: str = "x") -> bytes:
    rest = {"text": text, "response_tokens": 1, "finish_reason": "stop"}
    return json.dumps({"id": problem, "sample": sample, **rest}).encode() + b"\n"


def test_a_cut_last_line_is_set_aside_and_nothing_else(tmp_path: Path) -> None:
    whole = line("a", 0) + line("a", 1, "y" * 200_000)
    for half in (
        line("a", 2)[:-1],
        line("a", 2)[:17],
        b"\0" * 4096,
        b"{" * 100 + b"\n",
        line("b", 0, "z" * 99_999)[:-9],
    ):
        file = write(tmp_path / "sums.jsonl", whole, half)
        aside = tmp_path / "sums.cut"
        aside.unlink(missing_ok=True)
        assert set_aside_cut_line(file) == len(half)
        assert file.read_bytes() == whole
        assert aside.read_bytes() == half + b"\n"
        assert set_aside_cut_line(file) == 0
    assert set_aside_cut_line(write(tmp_path / "one.jsonl", b'{"id": ')) == 7
    assert set_aside_cut_line(write(tmp_path / "none.jsonl")) == 0
    assert set_aside_cut_line(tmp_path / "missing.jsonl") == 0


def test_a_reader_that_may_not_write_leaves_out_the_cut_line(tmp_path: Path) -> None:
    file = write(tmp_path / "sums.jsonl", line("a", 0), b'{"id"')
    assert len(list(read_generations(file, {"a"}, 1))) == 1
    for lines in ([b"{\n", line("a", 0)], [line("a", 0), b"{\n", b"{"]):
        with pytest.raises(UserError, match=r"line [12] is no JSON"):
            list(read_generations(write(file, *lines), {"a"}, 1))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([line("a", 0), line("b", 1), line("a", 0)], "line 3: sample 0 of problem 'a' is there twice"),
        ([line("c", 0)], "line 1: there is no sample 0 of problem 'c'"),
        ([line("a", 2)], "line 1: there is no sample 2 of problem 'a'"),
        ([b'{"id": "a", "sample": 0}\n'], "line 1: it is no generation"),
        ([b'{"id": ["a"], "sample": 0}\n'], "line 1: it is no generation"),
        ([line("a", 0).replace(b'"finish_reason"', b'"why"')], "line 1: it is no generation"),
        ([b"[1]\n"], "line 1 is list, not an object"),
    ],
)
def test_a_damaged_file_is_refused_by_its_line(tmp_path: Path, lines: list[bytes], message: str) -> None:
    file = write(tmp_path / "sums.jsonl", *lines)
    with pytest.raises(UserError, match=message):
        list(read_generations(file, {"a", "b"}, 2))


def test_a_full_disk_is_told_and_the_batch_is_not_taken_for_saved(tmp_path: Path) -> None:
    (tmp_path / "generations").mkdir()
    (tmp_path / "generations/sums.jsonl").symlink_to("/dev/full")
    with pytest.raises(UserError, match=r"cannot be written \(No space left on device\)"):
        append(tmp_path, {"sums": [json.loads(line("a", 0))]})


def test_seeds_differ_by_each_part_and_do_not_depend_on_the_rest() -> None:
    parts = [(seed, name, problem, sample) for seed in (0, 1) for name in "ab" for problem in "12" for sample in (0, 1)]
    seeds = {sample_seed(*part) for part in parts}
    assert len(seeds) == len(parts)
    assert all(0 <= seed < 2**48 for seed in seeds)
    assert sample_seed(0, "aime24", "7", 3) == sample_seed(0, "aime24", "7", 3)


def test_a_folder_has_one_writer(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(UserError, match="another evaluation"), locked(tmp_path):
        pass
