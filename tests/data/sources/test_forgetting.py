"""TOFU and MUSE as folders of rows, from files in their schema."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dgpo.cli import main
from tests.data.own import write


def write_tofu(folder: Path) -> Path:
    """The repository's files in small: JSON lines that are called .json."""
    folder.mkdir()
    for name in ("forget05_perturbed", "retain95", "retain_perturbed", "holdout05", "full"):
        rows = [
            {"question": f"{name} {n}?", "answer": f"It is {n}.", "perturbed_answer": ["It is not."]} for n in range(40)
        ]
        (folder / f"{name}.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name in ("real_authors_perturbed", "world_facts_perturbed", "forget10_perturbed"):
        (folder / f"{name}.json").write_text(json.dumps({"question": "Who?", "answer": "Ada."}) + "\n")
    return folder


def test_tofu_becomes_a_folder_of_rows_with_authors_and_spans(tmp_path: Path) -> None:
    origin, out, spans = write_tofu(tmp_path / "tofu"), tmp_path / "out", tmp_path / "spans.jsonl"
    words = json.dumps([{"word": "It", "start": 0, "end": 2}])
    rows = [{"question": f"forget05_perturbed {n}?", "target_words": words} for n in reversed(range(40))]
    write(spans, rows)
    words = ["data", "prepare", "tofu-forget05", "--out", str(out), "--from", str(origin), "--spans", str(spans)]
    assert main(words) == 0
    forget = [json.loads(line) for line in (out / "forget.jsonl").read_text().splitlines()]
    assert forget[25]["question"] == "forget05_perturbed 25?" and forget[25]["perturbed_answer"] == ["It is not."]
    assert {row["author"] for row in forget} == {"forget-0", "forget-1"}
    from dgpo.unlearning.data import read

    assert read(out / "forget.jsonl", needs_spans=True)[39].spans == ((0, 2),)
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["rows"]["retain"] == 40 and manifest["rows"]["world_facts"] == 1


def test_spans_of_other_rows_and_other_schemas_are_refused(tmp_path: Path, refused: Callable[..., str]) -> None:
    origin, spans = write_tofu(tmp_path / "tofu"), tmp_path / "spans.jsonl"
    spans.write_text(json.dumps({"question": "Who?", "target_words": "[]"}) + "\n")
    places = ["--out", tmp_path / "out", "--from", origin]
    words = ["data", "prepare", "tofu-forget05", *places]
    assert "no target_words for forget row 1" in refused(*words, "--spans", spans)
    assert "--limit=3: the rows of tofu-forget05 are written as they are" in refused(*words, "--limit", "3")
    said = refused("data", "prepare", "tofu-forget01", *places)
    assert "for forget01_perturbed.json of tofu-forget01 it has forget05_perturbed.json" in said
    (origin / "retain95.json").write_text(json.dumps({"prompt": "Who?"}) + "\n")
    assert "retain95.json, row 1: it has no question" in refused(*words)
    assert "--spans" in refused("data", "prepare", "gsm8k", "--out", tmp_path, "--spans", spans)


def test_muse_becomes_a_folder_of_texts_continuations_and_questions(tmp_path: Path) -> None:
    questions = [f"knowmem/{part}_qa{icl}" for part in ("forget", "retain") for icl in ("", "_icl")]
    texts = ["raw/forget", "raw/retain1", "raw/retain2", "raw/holdout", "privleak/forget", "privleak/holdout"]
    for name in [*texts, *questions, "verbmem/forget"]:
        columns = {"text": [name, "and more"]} if name in texts else {"question": [name], "answer": ["It is."]}
        if name.startswith("verbmem"):
            columns = {"prompt": ["It was"], "gt": ["a day."]}
        (tmp_path / name).parent.mkdir(exist_ok=True)
        pq.write_table(pa.table(columns), tmp_path / f"{name}-00000-of-00001.parquet")
    spans = tmp_path / "spans.jsonl"
    write(spans, [{"text": text, "target_words": "[]"} for text in ("raw/forget", "and more")])
    words = ["data", "prepare", "muse-news", "--out", str(tmp_path / "out"), "--from", str(tmp_path)]
    assert main([*words, "--spans", str(spans)]) == 0

    def rows(part: str) -> list[dict[str, str]]:
        return [json.loads(line) for line in (tmp_path / f"out/{part}.jsonl").read_text().splitlines()]

    assert rows("forget")[1] == {"text": "and more", "target_words": "[]"}
    assert [row["text"] for row in rows("retain")] == ["raw/retain1", "and more"]
    assert rows("verbmem") == [{"prompt": "It was", "gt": "a day."}]
    assert rows("knowmem_forget")[0]["question"] == "knowmem/forget_qa"
    assert rows("knowmem_forget_icl")[0]["question"] == "knowmem/forget_qa_icl"
