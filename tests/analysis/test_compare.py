import json
from pathlib import Path

import pytest

from dgpo.analysis.compare import main


def run(path: Path, loss: dict[str, object], scores: list[float], entropy: float) -> Path:
    """A run folder of three steps, validated before and after each."""
    (path / "metrics").mkdir(parents=True)
    config = {"actor_rollout_ref": {"actor": {"policy_loss": loss}}}
    (path / "config.yaml").write_text(json.dumps(config))
    with (path / "metrics" / "001.jsonl").open("w") as stream:
        for step, score in enumerate(scores):
            training = {"actor/grad_norm": 2.0, "actor/entropy": entropy, "critic/score/mean": 0.5} if step else {}
            data = {"val-core/a/acc/mean@4": score, **training}
            stream.write(json.dumps({"step": step, "data": data}) + "\n")
    return path


def test_seeds_of_one_method_are_averaged_and_methods_stand_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dgpo = {"loss_mode": "dgpo", "n": 2, "m": 2}
    folders = [
        run(tmp_path / "dgpo-0", dgpo, [0.1, 0.5, 0.4], 0.3),
        run(tmp_path / "dgpo-1", dgpo, [0.1, 0.3, 0.6], 0.5),
        run(tmp_path / "grpo-0", {"loss_mode": "grpo"}, [0.1, 0.2, 0.3], 0.2),
    ]
    assert main([*map(str, folders), "--out", str(tmp_path / "out")]) == 0
    lines = {line.split("|")[1].strip(): line for line in (tmp_path / "out/compare.md").read_text().splitlines()}
    # Last 40 and 60, best 50 and 60, entropy 0.3 and 0.5.
    for cell in ("| 2 |", "50.00 ± 14.14", "55.00 ± 7.07", "0.400 ± 0.141"):
        assert cell in lines["dgpo (n=2, m=2)"]
    assert "| 1 | 2 | 10.00 | 30.00 | 30.00 | 0.500 | 0.200 |" in lines["grpo"]
    assert "dgpo (n=2, m=2)" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "out/compare.json").read_text())["dgpo (n=2, m=2)"]) == 2
    assert (tmp_path / "out/compare.png").stat().st_size > 10_000 and (tmp_path / "out/compare.svg").exists()


def test_a_folder_that_is_no_run_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "missing"), "--out", str(tmp_path / "out")]) == 2
    assert "missing" in capsys.readouterr().err
