"""Whether verl can load a prompt file: what its name, and the datasets library by which verl reads it, have to say."""

import os

from dgpo.data.media import is_media_column


def name_fault(path: str | os.PathLike[str]) -> list[str]:
    """What of a prompt file's name would stop verl from loading it, as `check_parquet` says it."""
    name = os.fspath(path)
    if not name.endswith(".parquet"):
        return [f"{path}: verl loads files that end in .parquet; rename it, or `dgpo data prepare` it"]
    if signs := "".join(sign for sign in "*?[" if sign in name):
        return [f"{path}: verl's loader reads {signs} in a path as a pattern; rename the file or folder"]
    return []


def load_fault(path: str | os.PathLike[str]) -> list[str]:
    """Why the datasets library, by which verl loads a prompt file, does not take it; and pictures, as `check_parquet`
    says it.
    """
    import datasets

    datasets.disable_progress_bars()
    try:
        rows = datasets.load_dataset("parquet", data_files=os.fspath(path))["train"]
    except Exception as error:  # the library raises what it likes
        reason = " ".join(str(error.__cause__ or error).split())[:200]
        return [f"{path}: the datasets library, by which verl loads it, refuses it ({reason}); write the file again"]
    for name in (name for name in rows.column_names if is_media_column(name)):
        if (row := next((place for place, value in enumerate(rows[name]) if value), None)) is not None:
            return [f"{path}: row {row}: column {name!r} is not empty, and only text is trained on; drop it"]
    return []
