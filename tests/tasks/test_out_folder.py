from pathlib import Path

import pytest

from dgpo.cli import main


@pytest.mark.parametrize(
    "command", ["data arithmetic", "model small", "model warm-start --steps 1000000 --model {model}"]
)
def test_a_folder_that_cannot_be_made_is_refused(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    model, file = tmp_path / "model", tmp_path / "file"
    file.write_text("mine")
    if "{model}" in command:
        assert main(["model", "small", "--out", str(model), "--hidden-size", "32", "--layers", "1"]) == 0
    for out in (file, file / "below"):
        assert main([*command.format(model=model).split(), "--out", str(out)]) == 2
        assert str(out) in capsys.readouterr().err
    assert file.read_text() == "mine"
