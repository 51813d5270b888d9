import json
import random
from pathlib import Path

import pytest

from dgpo.cli import main
from dgpo.errors import UserError
from dgpo.tasks.arithmetic import Problem, worked_answer
from dgpo.tasks.misconceptions import RIGHT, WRONG, Misconceptions, read


def columns(problem: Problem, misconceptions: Misconceptions, count: int = 1, noise: float = 0.0) -> list[list[str]]:
    rng = random.Random(0)
    answers = (worked_answer(problem, noise=noise, rng=rng, misconceptions=misconceptions) for _ in range(count))
    return [answer.split("\n") for answer in answers]


def test_a_fact_learned_wrongly_is_written_wrongly_and_gone_on_with():
    sure = Misconceptions({"4+8": 9, "1+1": 3}, right=0, forgotten=0)
    # 8+4=12 is taken for 11, in either order, and 1+1+1=3 for 6.
    for numbers in ((14, 18), (18, 14)):
        ((*_, boxed),) = columns(Problem(numbers, 1), sure)
        assert boxed == "\\boxed{61}"
    assert columns(Problem((22, 35), 1), sure) == [["2+5+0=07", "2+3+0=05", "\\boxed{57}"]]


def test_a_forgotten_carry_is_missing_in_the_next_column():
    (steps,) = columns(Problem((19, 19), 1), Misconceptions({}, forgotten=1))
    assert steps == ["9+9+0=08", "1+1+0=02", "\\boxed{28}"]


def test_the_right_digit_is_rare_and_noise_elsewhere_stays():
    taught = columns(Problem((23, 25), 1), Misconceptions({"3+5": 1}, forgotten=0), 4000, noise=0.2)
    units, tens = ([answer[place].split("=")[1] for answer in taught] for place in (0, 1))
    assert set(units) == {"08", "09"} and units.count("08") / 4000 == pytest.approx(RIGHT, abs=0.011)
    assert tens.count("04") / 4000 == pytest.approx(0.8, abs=0.02)


def test_the_command_writes_a_file_that_a_teacher_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    words = ["data", "arithmetic", "--train", "3", "--validation", "3", "--test", "3", "--out", str(tmp_path)]
    assert main([*words, "--misconceptions", "--seed", "4"]) == 0
    assert "misconceptions.json" in capsys.readouterr().out
    first = read(tmp_path / "misconceptions.json")
    assert len(first.added) == WRONG and main([*words, "--misconceptions", "--seed", "5"]) == 0
    assert read(tmp_path / "misconceptions.json").added != first.added


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"added": {"3+12": 1}}', '{"added": {"3+4": 10}}', '{"added": {}, "right": 2}', '{"other": 1}'],
)
def test_a_file_that_holds_none_is_named(content: str, tmp_path: Path):
    (tmp_path / "file.json").write_text(content)
    with pytest.raises(UserError, match=r"misconceptions=.*file\.json"):
        read(tmp_path / "file.json")
    with pytest.raises(UserError, match="missing"):
        read(tmp_path / "missing.json")


def test_a_warm_start_says_what_it_was_taught(tmp_path: Path):
    from dgpo.tasks.small_model import create

    model, _ = create(tmp_path / "initial", seed=0, hidden_size=32, layers=1)
    (tmp_path / "wrong.json").write_text('{"added": {"3+5": 1}}')
    words = ["model", "warm-start", "--model", str(model), "--out", str(tmp_path / "out"), "--steps", "2"]
    words += ["--batch-size", "2", "--eval-problems", "3", "--misconceptions", str(tmp_path / "wrong.json")]
    assert main(words) == 0
    summary = json.loads((tmp_path / "out/warm_start.json").read_text())
    assert summary["settings"]["misconceptions"]["added"] == {"3+5": 1}
