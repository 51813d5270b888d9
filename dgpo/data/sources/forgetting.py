"""Data sets of what is to be forgotten: TOFU (arXiv 2401.06121) and MUSE (arXiv 2407.06460), as folders of rows. The
splits of a copy are the files' stems.

They have no problems with an answer to verify, so they are no `Source` of prompts: `dgpo data prepare` writes the files
that `dgpo unlearn` reads, one a part, with the columns as they are.
"""

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from dgpo.data.read import read_rows
from dgpo.data.sources.locate import hub_files, local_files
from dgpo.data.sources.source import HubCopy
from dgpo.errors import UserError
from dgpo.files import make_folder, replace_json, replace_text
from dgpo.tables import Table

ROWS_OF_AN_AUTHOR = 20
COLUMNS = {"verbmem": ("prompt", "gt"), "privleak_forget": ("text",), "privleak_holdout": ("text",)}


def columns(copy: HubCopy, part: str) -> tuple[str, ...]:
    """That a row of a part must have."""
    is_text = "MUSE" in copy.id and part in ("forget", "retain", "holdout")
    return COLUMNS.get(part, ("text",) if is_text else ("question", "answer"))


def tofu(percent: str) -> HubCopy:
    """Authors who do not exist: ``percent`` of 200 to be forgotten."""
    kept = f"{100 - int(percent):02d}"
    files = {
        "forget": f"forget{percent}_perturbed.json",
        "retain": f"retain{kept}.json",
        "retain_eval": "retain_perturbed.json",
        "real_authors": "real_authors_perturbed.json",
        "world_facts": "world_facts_perturbed.json",
        "holdout": f"holdout{percent}.json",
        "full": "full.json",
    }
    return HubCopy("locuslab/TOFU", files)


def muse(name: str) -> HubCopy:
    """News or books: texts, how they go on, and questions about them."""
    places = {
        "forget": "raw/forget",
        "retain": "raw/retain1",
        "holdout": "raw/holdout",
        "verbmem": "verbmem/forget",
        "privleak_forget": "privleak/forget",
        "privleak_holdout": "privleak/holdout",
        "knowmem_forget": "knowmem/forget_qa",
        "knowmem_forget_icl": "knowmem/forget_qa_icl",
        "knowmem_retain": "knowmem/retain_qa",
        "knowmem_retain_icl": "knowmem/retain_qa_icl",
    }
    # Such as raw/forget-00000-of-00001.parquet or raw/forget.json.
    return HubCopy(f"muse-bench/MUSE-{name}", {part: f"{at}[-.]*" for part, at in places.items()})


ROW_SETS = {
    **{f"tofu-forget{percent}": tofu(percent) for percent in ("01", "05", "10")},
    "muse-news": muse("News"),
    "muse-books": muse("Books"),
}


def prepare_rows(name: str, out: Path, origin: Path | None, revision: str, spans: Path | None) -> Table:
    """Write each part as OUT/PART.jsonl, and where they are from to OUT/manifest.json; rows by part.

    Args:
        origin: folder that has the files; without it they are the hub's.
        spans: file that says what is sensitive, a row a forget row, with the same questions and ``target_words``.

    Raises:
        UserError: a file cannot be had, a row has not the columns, or ``spans`` is of other rows.
    """
    copy = ROW_SETS[name]
    parts: dict[str, list[dict[str, Any]]] = {}
    facts: dict[str, Any] = {"name": name}
    for part, pattern in copy.files.items():
        located = local_files(copy, origin, part) if origin else hub_files(copy, part, revision or None)
        # Another split of the same set is a file with this part's name too, such as forget05 for forget01.
        if not all(fnmatchcase(each, f"*{pattern.removesuffix('.json')}*") for each in located.files):
            raise UserError(
                f"from={origin}: for {pattern} of {name} it has {', '.join(located.files)}; give its own files"
            )
        facts |= {"source": located.source, "revision": located.revision}
        parts[part] = [dict(row) for path in located.files.values() for row in read_rows(path)]
        for number, row in enumerate(parts[part], 1):
            if missing := [column for column in columns(copy, part) if not isinstance(row.get(column), str)]:
                raise UserError(f"{', '.join(located.files)}, row {number}: it has no {missing[0]}; give {copy.id}'s")
    if "retain_eval" in parts:
        for part in ("forget", "retain_eval", "holdout", "retain", "full"):
            for number, row in enumerate(parts[part]):
                row["author"] = f"{part}-{number // ROWS_OF_AN_AUTHOR}"
    if spans:
        add_spans(parts["forget"], spans)
    make_folder(out, "out")
    for part, rows in parts.items():
        replace_text(out / f"{part}.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    replace_json(out / "manifest.json", {**facts, "rows": {part: len(rows) for part, rows in parts.items()}})
    counts = [(f"{len(rows):,}", str(out / f"{part}.jsonl")) for part, rows in parts.items()]
    marked = any("target_words" in row for row in parts["forget"])
    note = "" if marked else "Nothing is marked as sensitive yet, which PALU and TPO need: --spans FILE, or by hand."
    return Table(("rows", name), counts, notes=[note] if note else [])


def add_spans(rows: list[dict[str, Any]], spans: Path) -> None:
    """Give each row the ``target_words`` of the row with its question, or its text."""
    words_of = {row.get("question", row.get("text")): row.get("target_words") for row in read_rows(spans)}
    for number, row in enumerate(rows, 1):
        words = words_of.get(row.get("question", row.get("text")))
        if words is None:
            raise UserError(
                f"--spans={spans}: it has no target_words for forget row {number}; give the file of this set"
            )
        row["target_words"] = words
