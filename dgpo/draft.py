"""Files that are replaced in one step: a reader sees the old one or the whole new one, also after a power cut."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """A file beside `path` that takes its place if the block ends well, and is gone if it does not."""
    # A name of our own rather than mkstemp's: mkstemp makes files that only the owner can read, which a
    # cluster's shared file system would then hold.
    draft = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield draft
        sync(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Returns once the file's content is on the disk."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def replace_text(path: Path, text: str) -> Path:
    """Writes `text` as UTF-8 to `path` in one step; returns the path."""
    with draft_of(path) as draft:
        draft.write_text(text, encoding="utf-8")
    return path


def replace_json(path: Path, content: Any) -> None:
    """Writes `content` to `path` in one step, as JSON that a person can read."""
    replace_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
