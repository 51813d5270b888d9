from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from dgpo.cli.several import SeveralValues

app = typer.Typer()


@app.command(cls=SeveralValues)
def show(files: list[str], levels: Annotated[list[int] | None, typer.Option()] = None, name: str = "") -> None:
    print(files, levels, name)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("a b --levels 1 2 --name n", "['a', 'b'] [1, 2] n"),
        ("--levels 1 2 --name n a", "['a'] [1, 2] n"),
        ("--levels 1 --levels 2 3 -- a", "['a'] [1, 2, 3] "),
        ("a --levels=1", "['a'] [1] "),
        ("a --levels -1", "['a'] [-1] "),
        ("a", "['a'] None "),
    ],
)
def test_a_list_option_takes_all_words_up_to_the_next_option(words: str, shown: str):
    assert CliRunner().invoke(app, words.split()).stdout == f"{shown}\n"


@pytest.mark.parametrize(
    ("words", "fault"), [("a --levels", "requires an argument"), ("a --levels 1 x", "Invalid value for '--levels'")]
)
def test_a_list_without_a_value_or_with_a_wrong_one_is_refused(words: str, fault: str):
    done = CliRunner().invoke(app, words.split())
    assert done.exit_code == 2
    assert fault in done.stderr
