from pathlib import Path

import pytest

from dgpo.data.sources import SOURCES
from dgpo.data.sources.locate import Layout, local_files
from dgpo.errors import UserError

GSM8K = SOURCES["gsm8k"].copies[0]
CARD = ["README.md", ".gitattributes", "dataset_infos.json"]


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    return root


LAYOUTS = {
    "gsm8k/train": ["main/train-00000-of-00001.parquet", "main/test-00000-of-00001.parquet",
                    "socratic/train-00000-of-00001.parquet", "socratic/test-00000-of-00001.parquet"],
    "dapo-math-17k/train": ["data/dapo-math-17k.parquet"],
    "deepscaler/train": ["deepscaler.json"],
    "klear-mathsub/train": ["train_math_30K.json", "train_code_15K.json"],
    "aime25/test": ["aime2025-I.jsonl", "aime2025-II.jsonl"],
    "math500/test": ["test.jsonl"],
    "olympiadbench/train": ["OlympiadBench/OE_TO_maths_en_COMP/OE_TO_maths_en_COMP.parquet",
                            "OlympiadBench/OE_TO_maths_zh_COMP/OE_TO_maths_zh_COMP.parquet",
                            "OlympiadBench/OE_MM_maths_en_COMP/OE_MM_maths_en_COMP.parquet"],
}  # fmt: skip


@pytest.mark.parametrize("which", LAYOUTS)
def test_the_files_of_a_split_are_chosen_from_a_whole_repository(which: str, tmp_path: Path):
    name, split = which.split("/")
    names = LAYOUTS[which]
    touch(tmp_path, *CARD, *names)
    located = local_files(SOURCES[name].copies[0], tmp_path, split)
    assert list(located.files) == (names if which == "aime25/test" else names[:1])
    assert all(path == tmp_path / each for each, path in located.files.items())
    assert (located.source, located.revision) == ("local", "")


def test_a_file_is_taken_whatever_its_name(tmp_path: Path):
    touch(tmp_path, "anything.csv")
    assert list(local_files(GSM8K, tmp_path / "anything.csv", "train").files) == ["anything.csv"]


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        ([*CARD, "problems.jsonl"], "problems.jsonl"),
        (["a-test.csv", "a_train.csv", "constraint.csv"], "a_train.csv"),
        # The same rows in several formats, and our own files beside the data.
        (["train.jsonl", "data/train-0.parquet"], "data/train-0.parquet"),
        (["x.manifest.json", "x.dropped.jsonl", ".x.parquet.1.partial", ".cache/a.json", "x.parquet"], "x.parquet"),
    ],
)
def test_one_file_is_chosen_of_several(names: list[str], chosen: str):
    assert Layout(names, GSM8K, "train", "here").choose() == [chosen]


def test_where_the_files_cannot_be_told_they_are_listed():
    with pytest.raises(UserError, match=r"here: no data file of split 'train' .*one\.csv, two\.csv.*--from FILE"):
        Layout(["one.csv", "two.csv"], GSM8K, "train", "here").choose()
    with pytest.raises(UserError, match="there are none"):
        Layout(CARD, GSM8K, "train", "here").choose()


def cache(root: Path, *revisions: str) -> Path:
    repository = root / "datasets--openai--gsm8k"
    for revision in revisions:
        touch(repository / "snapshots" / revision, "main/train-00000.parquet")
    return repository


def test_the_hub_s_cache_is_read_with_its_revision(tmp_path: Path):
    repository = cache(tmp_path, "aaa", "bbb")
    touch(repository, "refs/main")
    (repository / "refs" / "main").write_text("bbb")
    for path in (tmp_path, repository, repository / "snapshots" / "bbb"):
        located = local_files(GSM8K, path, "train")
        assert (located.source, located.revision) == ("openai/gsm8k", "bbb")
        assert list(located.files) == ["main/train-00000.parquet"]


def test_a_downloaded_folder_knows_its_revision(tmp_path: Path):
    name = "main/train-00000.parquet"
    touch(tmp_path, name, f".cache/huggingface/download/{name}.metadata")
    (tmp_path / f".cache/huggingface/download/{name}.metadata").write_text("c0ffee\netag\n1.0\n")
    assert local_files(GSM8K, tmp_path, "train").revision == "c0ffee"


def test_an_absent_path_and_two_snapshots_are_named(tmp_path: Path):
    with pytest.raises(UserError, match=r"none: there is no such file or folder"):
        local_files(GSM8K, tmp_path / "none", "train")
    with pytest.raises(UserError, match=r"holds aaa, bbb; give the folder of the one"):
        local_files(GSM8K, cache(tmp_path, "aaa", "bbb"), "train")
