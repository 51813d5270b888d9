"""The commands as a person types them."""

from pathlib import Path

import pytest

from dgpo.cli import COMMANDS, main

GROUPS = sorted({words[0] for words in COMMANDS if len(words) > 1})


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_the_list_of_commands_has_them_all(words: list[str], capsys: pytest.CaptureFixture[str]):
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert all(f"  dgpo {' '.join(command)} " in shown for command in COMMANDS)


@pytest.mark.parametrize("more", [[], ["--help"], ["-h"]])
@pytest.mark.parametrize("group", GROUPS)
def test_a_group_lists_its_own_commands(group: str, more: list[str], capsys: pytest.CaptureFixture[str]):
    assert main([group, *more]) == 0
    shown = capsys.readouterr().out
    for words in COMMANDS:
        assert (f"  dgpo {' '.join(words)} " in shown) == (words[0] == group)


@pytest.mark.parametrize("words", [["nothing"], ["data", "nothing"], ["data", "nothing", "--help"]])
def test_an_unknown_command_is_refused_with_those_there_are(words: list[str], capsys: pytest.CaptureFixture[str]):
    assert main(words) == 2
    shown = capsys.readouterr().err
    assert f"there is no command {' '.join(words[:2])!r}" in shown
    assert "dgpo data check" in shown


@pytest.mark.parametrize("words", [words for words in COMMANDS if words[0] in ("data", "model", "eval")], ids=" ".join)
def test_a_command_s_help_calls_it_as_it_was_called(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stopped:
        main([*words, "--help"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: dgpo {' '.join(words)} ")


@pytest.mark.parametrize(
    "command", ["data arithmetic", "model small", "model warm-start --steps 1000000 --model {model}"]
)
def test_a_folder_that_cannot_be_made_is_refused(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    model, file = tmp_path / "model", tmp_path / "file"
    file.write_text("mine")
    if "{model}" in command:
        assert main(["model", "small", "--out", str(model), "--hidden-size", "32", "--layers", "1"]) == 0
    for out in (file, file / "below"):
        with pytest.raises(SystemExit) as stopped:
            main([*command.format(model=model).split(), "--out", str(out)])
        assert stopped.value.code == 2
        assert str(out) in capsys.readouterr().err
    assert file.read_text() == "mine"
