import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from dgpo.pictures import plain, plt, save


def texts_of(file: Path) -> str:
    return " ".join(" ".join(element.itertext()) for element in ElementTree.parse(file).iter() if "text" in element.tag)


@pytest.mark.parametrize("name", ["_baseline", "seed $1 of $2", "打分 2", "$\\unknown{x}$", "a_b"])
def test_a_name_stands_in_the_legend_and_the_title_as_it_was_written(name: str, tmp_path: Path) -> None:
    figure, axes = plt.subplots()
    axes.plot([0, 1], [0, 1], label=plain(name))
    axes.legend()
    axes.set_title(plain(name))
    save(figure, tmp_path / "picture")
    assert texts_of(tmp_path / "picture.svg").count(name) >= 2 and (tmp_path / "picture.png").is_file()


def test_letters_that_no_font_here_has_are_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figure, axes = plt.subplots()
    axes.set_title(plain("\U0001f98a and \U0001f98b"))
    save(figure, tmp_path / "picture")
    assert capsys.readouterr().err.count("no font with all its letters") == 1
