import json
from pathlib import Path

import pytest

from dgpo.errors import UserError
from dgpo.files import draft_of, replace_json, replace_text


def test_a_file_changes_once_its_draft_is_whole(tmp_path: Path) -> None:
    file = replace_text(tmp_path / "file", "old")
    with draft_of(file) as draft:
        draft.write_text("new")
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    replace_json(file, {"name": "π"})
    assert json.loads(file.read_text(encoding="utf-8")) == {"name": "π"}
    assert list(tmp_path.iterdir()) == [file]


def test_a_draft_that_fails_leaves_the_old_file_alone(tmp_path: Path) -> None:
    file = replace_text(tmp_path / "file", "old")
    with pytest.raises(ZeroDivisionError), draft_of(file) as draft:
        draft.write_text("half of")
        raise ZeroDivisionError
    assert file.read_text() == "old" and list(tmp_path.iterdir()) == [file]


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(UserError, match=r"taken/file cannot be written \(Not a directory\)"):
        replace_text(tmp_path / "taken/file", "text")
