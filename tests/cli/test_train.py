"""Bad input to ``dgpo train``, and what it prints without training."""

from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from dgpo.cli import main


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("--config-name nothing", "nothing"),
        ("--config-dir {}/file", "--config-dir={}/file: there is no such folder"),
        ("--config-name", "requires an argument"),
        ("--nonsense", "--nonsense: --help lists no such option"),
        ("nonsense=1", "nonsense"),
        ("seed=[", "put the value in quotes twice: 'seed=\"[\"'"),
        ("seed", "seed"),
        ("policy_loss=nope", "nope"),
        (
            "policy_loss=null",
            "policy_loss=null: it must be the name of a file in configs/policy_loss; use one of aspo,",
        ),
        ("rollouts=[1]", "use one of dynamo"),
        ("run.dir={}/file trainer.use_v1=false", "run.dir={}/file"),
        ("run.dir={}/file/below", "run.dir={}/file/below"),
    ],
)
def test_bad_input_ends_in_one_message(arguments: str, says: str, tmp_path: Path, refused: Callable[..., str]) -> None:
    (tmp_path / "file").write_text("")
    arguments, says = (text.replace("{}", str(tmp_path)) for text in (arguments, says))
    assert says in refused("train", *arguments.split())


def test_a_dry_run_prints_the_resolved_config(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "seed=7", "--dry-run", "trainer.total_training_steps=2"]) == 0
    made = OmegaConf.create(capsys.readouterr().out)
    assert (made.run.name, made.trainer.total_training_steps) == ("dgpo-7", 2)
    assert main(["train", "seed=7", "--print-dir", "run.name=mine"]) == 0
    assert capsys.readouterr().out == "runs/quickstart/mine\n"
