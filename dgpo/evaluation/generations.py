"""Saved generations: a file of JSON lines for each benchmark, appended to and never rewritten.

DIR/settings.json            see `settings`
DIR/data/NAME.parquet        the benchmark's own file, so that the folder can be scored anywhere
DIR/generations/NAME.jsonl   a `Generation` on each line
DIR/generations/NAME.cut     last lines that a crash cut off
DIR/engine-N.log             everything that vLLM printed
DIR/scores.jsonl scoring.json   see `score`
"""

import contextlib
import hashlib
import io
import json
import os
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypedDict, cast

from dgpo.errors import UserError
from dgpo.files import json_lines, locked_folder


class Generation(TypedDict):
    """One saved sample. `finish_reason` is "stop", or "length" for a response cut off at `max_tokens`."""

    id: str
    sample: int
    seed: int
    prompt_tokens: int
    response_tokens: int
    finish_reason: str
    text: str


FIELDS = {"id": str, "sample": int, "response_tokens": int, "finish_reason": str, "text": str}
"""What a line must have to be read again."""


def generations_file(folder: Path, benchmark: str) -> Path:
    return folder / "generations" / f"{benchmark}.jsonl"


def data_file(folder: Path, benchmark: str) -> Path:
    return folder / "data" / f"{benchmark}.parquet"


def sample_seed(seed: int, benchmark: str, problem: str, sample: int) -> int:
    """The sample's own seed, of 48 bits, which does not depend on what was generated before."""
    text = json.dumps([seed, benchmark, problem, sample])
    return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16)


def locked(folder: Path) -> AbstractContextManager[None]:
    """Lock `folder` against a second writer; UserError if there is one."""
    return locked_folder(folder, "--out", "another evaluation or scoring")


def append(folder: Path, generations: Mapping[str, Iterable[Generation]]) -> None:
    """Append generations to the files of their benchmarks, on the disk; UserError if they cannot be written."""
    (folder / "generations").mkdir(parents=True, exist_ok=True)
    try:
        for benchmark, lines in generations.items():
            with generations_file(folder, benchmark).open("ab") as stream:
                stream.writelines(json.dumps(line).encode() + b"\n" for line in lines)
                stream.flush()
                os.fsync(stream.fileno())
    except OSError as error:
        raise UserError(
            f"{folder}: generations cannot be written ({error.strerror}); free some space, and the same command goes on"
        ) from error


def set_aside_cut_line(file: Path) -> int:
    """Move a last line that was cut short to `NAME.cut`; returns the number of its bytes, 0 if all lines are whole.

    A whole line ends in a line break and is JSON: after a power cut a file may end in zero bytes.
    """
    last = b""
    with file.open("rb") if file.exists() else io.BytesIO() as stream:
        for line in stream:
            last = line
    with contextlib.suppress(ValueError):
        json.loads(last or b"{}")
        if last.endswith(b"\n") or not last:
            return 0
    with file.with_suffix(".cut").open("ab") as aside, file.open("r+b") as stream:
        aside.write(last + b"\n")
        aside.flush()
        os.fsync(aside.fileno())
        stream.truncate(file.stat().st_size - len(last))
        os.fsync(stream.fileno())
    return len(last)


def read_generations(file: Path, problems: Container[str], samples: int) -> Iterator[Generation]:
    """The generations of a benchmark's file, which may be missing, without a last line that was cut short.
    UserError where a line is damaged, belongs to no problem or sample of the run, or repeats one."""
    read_before: set[tuple[str, int]] = set()
    for number, line in json_lines(file, growing=True) if file.exists() else ():
        place = f"{file}, line {number}"
        for key, kind in FIELDS.items():
            if type(value := line.get(key)) is not kind:
                raise UserError(
                    f"{place}: it is no generation ({key} is {value!r:.80}); restore the file, or delete the line and "
                    "run `dgpo eval run` again, which makes the missing sample anew"
                )
        sample = (line["id"], line["sample"])
        which = f"sample {line['sample']} of problem {line['id']!r}"
        if line["id"] not in problems or not 0 <= line["sample"] < samples:
            raise UserError(
                f"{place}: there is no {which} in this evaluation ({samples} samples of each problem); delete the line "
                "if it does not belong here"
            )
        if sample in read_before:
            raise UserError(f"{place}: {which} is there twice; delete one of the lines")
        read_before.add(sample)
        yield cast(Generation, line)
