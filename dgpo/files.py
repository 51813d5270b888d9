"""Files that are replaced in one step, and JSON lines that are read one at a time with their numbers."""

import bz2
import fcntl
import gzip
import hashlib
import io
import json
import lzma
import math
import os
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from dgpo.errors import UserError


def _open_zstd(path: Path) -> IO[bytes]:
    import pyarrow as pa

    return io.BufferedReader(pa.CompressedInputStream(pa.OSFile(str(path)), "zstd"))


def _open_plain(path: Path) -> IO[bytes]:
    return path.open("rb")


PACKED: dict[str, Callable[[Path], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".zst": _open_zstd}
"""What unpacks a file, by the suffix that says so."""
# The first bytes in lower case, the suffixes that say so, and what the file is under any other.
_DISGUISES: tuple[tuple[tuple[bytes, ...], Collection[str], str], ...] = (
    ((b"version https://git-lfs",), (), "is a pointer of Git LFS, and the data is elsewhere; run `git lfs pull`"),
    ((b"<!doctype html", b"<html"), (), "is a web page; download the file itself"),
    ((b"\x1f\x8b", b"\x28\xb5\x2f\xfd"), PACKED, "is packed; add .gz or .zst to its name"),
    ((b"pk\x03\x04",), (), "is a zip archive; unpack it"),
    ((b"fea1",), (), "is Feather of version 1; write it as version 2"),
    ((b"par1",), (".parquet", ".pq"), "is a parquet file; name it .parquet"),
    ((b"gguf",), (), "is GGUF, which is for inference alone; give the folder that it was made from"),
)
_TEXT = (".json", ".jsonl", ".ndjson", ".csv", ".tsv")
_CHUNK_BYTES = 1 << 20
MAX_LINE_BYTES = 64 << 20
"""A longer line is no row of JSON but a mistake, and is never held in memory whole."""


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """A file beside `path` that takes its place if the block ends well, and is gone if it does not.

    A reader sees the old file or the whole new one, also after a power cut.

    Raises:
        UserError: the block, or what follows it, could not write.
    """
    # A name of our own rather than mkstemp's: mkstemp makes files that only the owner can read, which a
    # cluster's shared file system would then hold.
    draft = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield draft
        sync(draft)
        draft.replace(path)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror or error}); make room, or give another") from error
    finally:
        with suppress(OSError):  # where it could not even be made
            draft.unlink()


def sync(path: Path) -> None:
    """Returns once the file's content is on the disk."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def make_folder(path: Path, key: str) -> None:
    """Makes the folder that `key` names, and those above it; UserError where none can be, or none be written to."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{key}={path}: there can be no such folder ({error.strerror}); give another") from error
    if not os.access(path, os.W_OK):
        raise UserError(f"{key}={path}: you may not write there; give another folder")


@contextmanager
def locked_folder(path: Path, key: str, writers: str, elsewhere: str = "another folder") -> Iterator[None]:
    """Makes the folder that `key` names, and holds it against a second writer until the block ends.

    The lock is advisory and the kernel's: it goes with the process, however that ends.

    Args:
        writers: who may hold it, for the message: "another run".
        elsewhere: what the person can choose instead.

    Raises:
        UserError: the folder cannot be made or written, or another process holds it.
    """
    make_folder(path, key)
    try:
        lock = (path / ".lock").open("a+")
    except OSError as error:  # another person's, in a folder of the group's
        raise UserError(f"{key}={path}: cannot be written ({error.strerror}); choose {elsewhere}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            process = lock.read().strip() or "unknown"
            raise UserError(
                f"{key}={path}: {writers} is writing here (process {process}); wait for it, stop it, or choose "
                f"{elsewhere}"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def give_usual_mode(folder: Path) -> None:
    """Let those read the files below `folder` whom the umask lets read, as if they had been made in the usual way."""
    umask = os.umask(0)
    os.umask(umask)
    for file in folder.rglob("*"):
        if file.is_file():
            file.chmod(0o666 & ~umask)


def replace_text(path: Path, text: str) -> Path:
    """Writes `text` as UTF-8 to `path` in one step; returns the path."""
    with draft_of(path) as draft:
        draft.write_text(text, encoding="utf-8")
    return path


def replace_json(path: Path, content: Any) -> None:
    """Writes `content` to `path` in one step, as JSON that a person can read; NaN and ∞, which it has not, as null."""
    replace_text(path, json.dumps(_without_nan(content), indent=2, ensure_ascii=False) + "\n")


def _without_nan(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {key: _without_nan(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_without_nan(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


@contextmanager
def open_packed(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked where its suffix is one of `PACKED`.

    Raises:
        UserError: the file cannot be read, is cut short, or is not what its name says.
    """
    try:
        if what := disguise(path):
            raise UserError(f"{path}: it {what}")
        with PACKED.get(path.suffix.lower(), _open_plain)(path) as file:
            yield file
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise UserError(
            f"{path}: {getattr(error, 'strerror', None) or error}; copy it again, or give another file"
        ) from error


def json_lines(
    path: Path, *, on_bad: Callable[[UserError], None] | None = None, growing: bool = False
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a JSON lines file, packed or not (`PACKED`), with their line numbers from 1.

    Blank lines are left out. Never more than one line is in memory.

    Args:
        on_bad: told of a line that is no object, which is then left out; without it the first one raises.
        growing: a last line that is no JSON was cut short when its writer ended, and is left out.

    Raises:
        UserError: the file cannot be read, or a line is no object and ``on_bad`` is None.
    """
    with open_packed(path) as file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES):
            number += 1
            if not line.strip():
                continue
            try:
                yield number, _object(line, f"{path}, line {number}")
            except UserError as error:
                is_cut = isinstance(error.__cause__, json.JSONDecodeError | UnicodeDecodeError)
                if growing and is_cut and not file.peek(1):  # pyright: ignore[reportAttributeAccessIssue]  (all have it)
                    return
                if on_bad is None:
                    raise
                on_bad(error)
                while len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
                    line = file.readline(MAX_LINE_BYTES)


def _object(line: bytes, place: str) -> dict[str, Any]:
    if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
        raise UserError(f"{place} is longer than {MAX_LINE_BYTES >> 20} MiB; split the file into lines, or drop it")
    try:
        content = json.loads(line.decode("utf-8-sig"), object_pairs_hook=each_key_once)
    except UnicodeDecodeError as error:
        raise UserError(f"{place} is not UTF-8 ({error}); convert the file, or copy it again") from error
    except (ValueError, RecursionError) as error:  # a number of 5000 digits is a ValueError too
        is_document = line.strip() in (b"[", b"{") or ("Extra data" in str(error) and line.rstrip()[-2:] != b"},")
        is_cut = not line.endswith(b"\n") and not is_document
        cut = "; the file ends in this line, so it was probably cut short" if is_cut else ""
        slash = "; JSON writes each backslash twice" if "escape" in str(error) else ""
        mend = "write one object a line, as `jq -c .[]` does of a list" if is_document else "mend or drop the line"
        raise UserError(f"{place} is no JSON ({str(error)[:200]}){cut}{slash}; {mend}") from error
    if not isinstance(content, dict):
        raise UserError(f"{place} is {type(content).__name__}, not an object; write one object a line")
    return content


def each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For ``json``'s ``object_pairs_hook``: Python would keep the last of two values without a word.

    Raises ValueError where a key stands more than once.
    """
    content = dict(pairs)
    if len(content) < len(pairs):
        ((key, count),) = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"the key {key!r} stands {count} times in an object")
    return content


def disguise(path: Path) -> str:
    """What a file really is whose first bytes contradict its name, and what to do; "" where they do not."""
    suffix = path.suffix.lower()
    with path.open("rb") as file:
        begin = file.read(64).lstrip().lower()
    if suffix in _TEXT and begin[:6].count(0) > 1:
        return "is UTF-16; save it as UTF-8"
    return next((what for first, own, what in _DISGUISES if begin.startswith(first) and suffix not in own), "")


def json_object(file: Path) -> dict[str, Any]:
    """The object in a JSON file; empty where there is none that can be read."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings under dotted keys: ``{"a": {"b": 1}}`` as ``{"a.b": 1}``. An empty mapping leaves nothing."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def differing(several: Sequence[Mapping[str, Any]]) -> list[str]:
    """Keys of flat settings that are not the same in all of them; what is None is not there."""
    keys = dict.fromkeys(key for each in several for key in each)
    return [key for key in keys if any(each.get(key) != several[0].get(key) for each in several)]


def file_sha256(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
