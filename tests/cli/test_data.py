"""A wrong value of any option of the commands on data and models ends in one message that names it, and status 2."""

import inspect
import json
from dataclasses import fields
from pathlib import Path

import pytest
import typer.main

from dgpo.cli import main
from dgpo.cli.data import app, model_warm_start
from dgpo.tasks.small_model import create
from dgpo.tasks.warm_start import WarmStart

BASE = {
    "data arithmetic": ["--out", "{new}"],
    "data list": [],
    "data prepare": ["{files}/mine.jsonl", "--out", "{new}"],
    "data check": [],
    "model small": ["--out", "{new}"],
    "data env": ["--id", "Blackjack-v1", "--out", "{new}"],
    "model warm-start": ["--model", "{files}/model", "--out", "{new}", "--steps", "1000000"],
    "model warm-start-lake": ["--model", "{files}/model", "--out", "{new}"],
}
Value = str | tuple[str, ...] | None
"""A wrong value, after words that it needs beside it (the first may name a source, for the file); None: none."""

COUNT: list[Value] = ["0", "-1", "x", "1.5", ""]
SEED: list[Value] = ["x", "1.5", ""]
TORCH_SEED: list[Value] = [*SEED, "-1", "99999999999999999999"]
LEVELS: list[Value] = ["9", "0", "x", ("--levels", "1", "1"), None]
OUT: list[Value] = ["{files}/text.txt", "{files}/text.txt/below", None]
TOKENS, TOKENIZER = ("--max-prompt-tokens", "9"), ("--tokenizer", "{files}/model")
FOLDERS = [f"{{files}}/{name}" for name in ("none", "text.txt", "empty", "torn")]
WRONG: dict[str, dict[str, list[Value]]] = {
    "data arithmetic": {
        "--out": OUT,
        "--train": (many := [*COUNT, "1000000000"]),
        "--validation": many,
        "--test": many,
        "--levels": LEVELS,
        "--misconceptions": ["--misconceptions=1"],
        "--seed": SEED,
    },
    "data env": {
        "--id": ["Nowhere-v0", "nowhere:Nowhere-v0", "CartPole-v1", "", None],
        "--out": OUT,
        "--tasks": COUNT,
        "--validation": COUNT,
        "--seed": [*SEED, "-1", "99999999999999999999"],
        "--kwargs": ["{{", "3", '{{"nosuch": 1}}', ""],
        "--games": ["{files}/none", "{files}/empty", None],
        "--prompt": [None],
    },
    "data list": {},
    "data prepare": {
        "NAME_OR_FILE": [*FOLDERS, "nothing", "{files}/garbage.parquet", "{files}/empty.jsonl"],
        "--out": [*OUT, "{files}/taken"],
        "--name": ["a/b", ".x", " ", "x" * 300],
        "--from": ["x", *(("aime24", folder) for folder in FOLDERS)],
        "--hub-id": ["a/b", ("aime24", "no id"), ("arithmetic", "a/b")],
        "--revision": ["main", ("aime24", "--from", "x", "main")],
        "--split": [" ", ("gsm8k", "dev"), ("arithmetic", "dev")],
        "--prompt-field": ["nothing", "problem.text", "tags", ("aime24", "problem")],
        "--answer-field": ["nothing", "tags", ("aime24", "answer")],
        "--id-field": ["nothing", "tags", ("aime24", "id")],
        "--purpose": ["x", "", ("aime24", "train")],
        "--template": ["Solve", "{{problem}} {{problem}}"],
        "--any-answer": ["--any-answer=1"],
        "--keep-conflicts": ["--keep-conflicts=1"],
        "--max-prompt-chars": [*COUNT, "1", (*TOKENS, *TOKENIZER, "9")],
        "--max-prompt-tokens": [*((*TOKENIZER, str(each)) for each in COUNT), "9", (*TOKENIZER, "1")],
        "--tokenizer": ["{files}/model", *((*TOKENS, folder) for folder in (*FOLDERS, "{files}/dumb"))],
        "--decontaminate": [*FOLDERS, "{files}/garbage.parquet", None],
        "--near": ["0.5", *(("--decontaminate", "{files}", each) for each in ("0", "-1", "2", "nan", "x", ""))],
        "--limit": COUNT,
        "--seed": ["1", ("--limit", "9", "x"), ("--limit", "9", "1.5")],
        "--levels": ["1", *(("arithmetic", each) for each in ("9", "x"))],
        "--spans": ["{files}/mine.jsonl", ("tofu-forget05", "--from", "{files}/empty")],
    },
    "data check": {"FILE...": [None]},
    "model small": {
        "--out": OUT,
        "--seed": TORCH_SEED,
        "--hidden-size": [*COUNT, "33", "32000000000"],
        "--layers": [*COUNT, "1000000"],
        "--head-size": [*COUNT, "16", "1000"],
    },
    "model warm-start": {
        "--model": [*FOLDERS, None],
        "--out": [*OUT, "{files}/model", "{files}/dumb", "{files}/torn"],
        "--seed": TORCH_SEED,
        "--steps": COUNT,
        "--batch-size": COUNT,
        "--eval-problems": [*COUNT, "1000000000"],
        "--learning-rate": ["0", "-1", "nan", "inf", "x", ""],
        "--noise": ["-0.1", "1", "nan", "x", ""],
        "--levels": LEVELS,
        "--misconceptions": [*FOLDERS, "{files}/torn/warm_start.json", "{files}/mine.jsonl"],
    },
    "model warm-start-lake": {
        "--model": [*FOLDERS, None],
        "--out": [*OUT, "{files}/model", "{files}/dumb", "{files}/torn"],
        "--seed": TORCH_SEED,
        "--steps": COUNT,
        "--noise": ["-0.1", "1", "nan", "x", ""],
    },
}
CASES = [(command, option, value) for command in WRONG for option in WRONG[command] for value in WRONG[command][option]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "mine.jsonl").write_text(json.dumps({"problem": "1+1=?", "answer": "2", "tags": {"a": [1]}}) + "\n")
    (folder / "empty.jsonl").write_text("")
    (folder / "text.txt").write_text("mine")
    (folder / "garbage.parquet").write_bytes(b"PAR1 and no more")
    for name in ("empty", "taken/mine.parquet", "torn", "dumb"):
        (folder / name).mkdir(parents=True)
    create(folder / "model", seed=0, hidden_size=32, layers=1)
    for file in (folder / "model").iterdir():
        (folder / "torn" / file.name).write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    for name in ("warm_start.json", "aime24.manifest.json", "aime24.parquet"):
        (folder / "torn" / name).write_text("{")
    for name in ("config.json", "tokenizer.json"):
        (folder / "dumb" / name).write_bytes((folder / "model" / name).read_bytes())
    return folder


@pytest.mark.parametrize(("command", "option", "value"), CASES)
def test_a_wrong_value_is_refused(
    command: str, option: str, value: Value, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    base, wrong = list(BASE[command]), [value] if isinstance(value, str) else list(value or ())
    if wrong[:-1] and not wrong[0].startswith("-"):
        base[0] = wrong.pop(0)
    if option in base:
        del base[(place := base.index(option)) : place + 2]
    if not option.startswith("-"):
        words = wrong + base[1:]
    elif any(word.startswith(option) for word in wrong):
        words = base + wrong
    else:
        words = [*base, *wrong[:-1], option, *wrong[-1:]]
    places = {"files": files, "new": tmp_path / "new"}
    assert main([*command.split(), *(word.format(**places) for word in words)]) == 2
    shown = capsys.readouterr()
    said = " ".join(shown.err.replace("│", " ").split())
    name = option.strip("-.")
    known = (name, name.replace("-", "_"), *(word.format(**places) for word in wrong[-1:] if word.strip()))
    assert any(each in said for each in known) or "no row is left" in said or "there are no rows" in said, said
    assert shown.out == "" and (files / "text.txt").read_text() == "mine"


def test_every_option_has_wrong_values():
    groups = typer.main.get_command(app).commands  # pyright: ignore[reportAttributeAccessIssue]
    options = {
        f"{group} {name}": {(each.metavar or each.name) if each.param_type_name == "argument" else each.opts[0]
                            for each in command.params}
        for group in groups for name, command in groups[group].commands.items()
    }  # fmt: skip
    assert {command: set(wrong) for command, wrong in WRONG.items()} == options


def test_the_defaults_of_a_warm_start_are_its_settings():
    options = inspect.signature(model_warm_start).parameters
    for each in fields(WarmStart):
        default = options[each.name].default
        assert (tuple(default) if isinstance(default, list) else default) == getattr(WarmStart(), each.name)
