"""The commands as a person types them."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dgpo.cli import main

COMMANDS = [
    *("train", "check", "plan", "report", "compare", "rollouts", "export", "plot weights", "plot distribution"),
    *("data arithmetic", "data list", "data prepare", "data check", "data env", "model small"),
    *("model warm-start", "model warm-start-lake"),
    *("eval run", "eval score", "eval report", "lab mechanism", "lab compare", "verify"),
    *("unlearn train", "unlearn world", "unlearn spans", "unlearn eval"),
]
GROUPS = sorted({command.split()[0] for command in COMMANDS if " " in command})


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_the_list_of_commands_has_them_all(words: list[str], capsys: pytest.CaptureFixture[str]):
    assert main(words) in (0, 2)
    shown = capsys.readouterr().out
    assert all(re.search(rf"^│ {command.split()[0]} ", shown, re.MULTILINE) for command in COMMANDS)


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_lists_its_own_commands(group: str, capsys: pytest.CaptureFixture[str]):
    assert main([group, "--help"]) == 0
    shown = capsys.readouterr().out
    for first, _, second in (command.partition(" ") for command in COMMANDS):
        assert bool(re.search(rf"^│ {second} ", shown, re.MULTILINE) if second else False) == (first == group)


@pytest.mark.parametrize("words", [["nothing"], ["data", "nothing"], ["data", "nothing", "--help"]])
def test_an_unknown_command_is_refused(words: list[str], refused: Callable[..., str]):
    assert "No such command 'nothing'" in refused(*words)


@pytest.mark.parametrize("command", [["train"], ["check"], ["plan"], ["unlearn", "train"]])
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--trainer.total_epochs=3"], "write trainer.total_epochs=3"),
        (["--policy_loss=grpo"], "write policy_loss=grpo"),
        (["--seed", "3"], "write seed=VALUE"),
        (["seed", "=", "3"], "write KEY=VALUE, as one word"),
    ],
)
def test_an_override_with_dashes_or_spaces_is_told_how_it_is_written(
    command: list[str], words: list[str], says: str, refused: Callable[..., str]
):
    assert says in refused(*command, *words)


@pytest.mark.parametrize(
    "words", [["data", "prepare", "", "--out", "data"], ["report", ""], ["train", "--config-dir="]]
)
def test_an_argument_that_an_unset_variable_left_empty_is_no_folder(words: list[str], refused: Callable[..., str]):
    assert "it is empty, as an unset shell variable leaves it" in refused(*words)


def test_a_file_that_the_machine_refuses_is_named_alone(refused: Callable[..., str]):
    said = refused("eval", "score", name := "a" * 300)
    assert said == f"error: {name}/settings.json: File name too long; change that, or give another"


def test_home_is_read_where_a_shell_leaves_its_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.jsonl").write_text('{"problem": "1+1?", "answer": "2"}\n')
    assert main(["data", "prepare", "~/a.jsonl", "--out=~/made"]) == 0
    assert (tmp_path / "made/a.parquet").is_file()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_s_help_calls_it_as_it_was_called(command: str, capsys: pytest.CaptureFixture[str]):
    assert main([*command.split(), "--help"]) == 0
    assert f"sage: dgpo {command} " in capsys.readouterr().out


def test_help_loads_no_library_of_the_rooms():
    heavy = "{'numpy', 'torch', 'hydra', 'omegaconf', 'pyarrow', 'matplotlib', 'verl', 'ray', 'dgpo.config'}"
    program = f"import sys, dgpo.cli; dgpo.cli.main(['--help']); sys.exit(str({heavy} & set(sys.modules) or ''))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr.strip() == ""
