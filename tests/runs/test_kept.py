import shutil
from pathlib import Path

import numpy as np
import pytest

from dgpo.errors import UserError
from dgpo.runs.kept import ANSWERS, ROWS, TOKENS, kept_steps, read_step, thin, write_rows


def answer(row: int, **values: object) -> dict[str, object]:
    texts = {"prompt": '[{"role": "user", "content": "1+1=?"}]', "said": '{"reason": "match"}', "turns": "[]"}
    return {"row": row, "group": "g", "answer": f"{row % ROWS}_0", "staleness": 0, **texts, **values}


def tokens(row: int, length: int) -> dict[str, object]:
    column = np.linspace(-3, -0.1, length).astype(np.float32)
    return {
        "row": row,
        "token": list(range(length)),
        "old_log_prob": column.tolist(),
        "log_prob": (column + np.float32(0.1)).tolist(),
        "advantage": [1.5] * length,
        "mask": [True] * (length - 1) + [False],
    }


def write_step(folder: Path, step: int, ranks: int = 2, answers: int = 4) -> None:
    rows = [step * ROWS + i for i in range(answers)]
    write_rows(folder / str(step) / "groups-0.parquet", [answer(row, entropy=[0.5] * 7) for row in rows], ANSWERS)
    for rank in range(ranks):
        write_rows(folder / str(step) / f"tokens-{rank}.parquet", [tokens(row, 7) for row in rows[rank::ranks]], TOKENS)


def test_what_trainer_and_ranks_have_written_comes_back_joined_and_exact(tmp_path: Path) -> None:
    write_step(tmp_path, 12)
    (tmp_path / "12.jsonl").write_text("verl's dump")
    ((step, folder),) = kept_steps(tmp_path).items()
    answers = list(read_step(folder))
    assert step == 12 and [each.answer for each in answers] == ["0_0", "1_0", "2_0", "3_0"]
    wanted = tokens(0, 7)
    for each in answers:
        assert each.prompt[0]["content"] == "1+1=?" and each.said == {"reason": "match"}
        assert each.log_prob.tolist() == wanted["log_prob"] and each.mask.tolist() == wanted["mask"]
        assert each.entropy is not None and each.entropy.tolist() == [0.5] * 7 and each.rollout_log_prob is None


def test_a_rank_that_could_not_write_costs_its_answers_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_step(tmp_path, 3)
    (tmp_path / "3/tokens-1.parquet").write_bytes(b"cut")
    assert [each.answer for each in read_step(tmp_path / "3")] == ["0_0", "2_0"]
    assert "tokens-1.parquet is left out" in capsys.readouterr().err


def test_where_nothing_can_be_written_the_error_is_one_that_training_survives(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="there can be no such folder"):
        write_rows(tmp_path / "file/3/groups-0.parquet", [answer(1)], ANSWERS)


def test_thinning_halves_the_steps_until_they_fit_and_keeps_both_ends(tmp_path: Path) -> None:
    write_step(tmp_path, 1)
    for step in range(2, 21):
        shutil.copytree(tmp_path / "1", tmp_path / str(step))
    size = sum(file.stat().st_size for file in (tmp_path / "1").iterdir())
    thin(tmp_path, limit=20 * size)
    assert len(kept_steps(tmp_path)) == 20
    thin(tmp_path, limit=6 * size)
    assert list(kept_steps(tmp_path)) == [1, 5, 9, 13, 17, 20]
