"""Files that are replaced in one step: a reader sees the old one or the whole new one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """A file beside `path` that takes its place if the block ends well, and is gone if it does not."""
    # A name of our own rather than mkstemp's: mkstemp makes files that only the owner can read, which a
    # cluster's shared file system would then hold.
    draft = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield draft
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def replace_text(path: Path, text: str) -> Path:
    """Writes `text` as UTF-8 to `path` in one step; returns the path."""
    with draft_of(path) as draft:
        draft.write_text(text, encoding="utf-8")
    return path
