"""Prompt files are loaded by verl's own dataset and measured by the model's chat template before anything starts."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from omegaconf import DictConfig, OmegaConf

from dgpo.config.checks import files as checks
from dgpo.config.checks.sizes import batches, total_steps
from dgpo.config.compose import compose_config, resolved
from dgpo.data.schema import Message, PromptRow, make_row, write_parquet
from dgpo.tasks import small_model

SIZES = ("1+1=?", "11+11=?", "111+111=?", "1111+1111=?")
# Of the small model's template, one token a character: the text and 19 more.
TOKENS = [len(size) + 19 for size in SIZES]


def rows(systems: Sequence[Sequence[Message]] = ((),) * 4) -> list[PromptRow]:
    common: dict[str, Any] = {"ground_truth": "2", "data_source": "sums", "split": "train"}
    return [make_row(problem=size, index=i, before=systems[i], **common) for i, size in enumerate(SIZES)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prompts")
    small_model.create(folder / "model", seed=0, hidden_size=32, layers=1)
    rows = [
        make_row(problem=size, ground_truth="2", data_source="sums", index=i, split="train")
        for i, size in enumerate(SIZES)
    ]
    write_parquet(rows, folder / "good.parquet")
    return folder


@pytest.fixture(scope="module")
def composed() -> DictConfig:
    return resolved(compose_config("quickstart"))


@pytest.fixture
def config(folder: Path, composed: DictConfig) -> DictConfig:
    config = composed.copy()
    config.data.train_files = [str(folder / "good.parquet")]
    config.data.val_files = str(folder / "good.parquet")
    config.data.train_batch_size = 2
    config.actor_rollout_ref.model.path = str(folder / "model")
    return config


def found(config: DictConfig) -> list[str]:
    return [str(each) for each in checks.datasets(config)]


def test_good_files_pass(config: DictConfig):
    assert found(config) == []


def test_a_file_that_is_read_twice_or_trained_and_validated_on_is_warned_of(config: DictConfig, folder: Path):
    config.data.train_files = [str(folder / "good.parquet"), str(folder / "../" / folder.name / "good.parquet")]
    twice, both = map(str, checks.repeated(config))
    assert twice.startswith("warning: data.train_files=") and "4 of its 8 prompts repeat another" in twice
    assert both.startswith(f"warning: data.val_files={folder / 'good.parquet'}: 4 of its 4 prompts are trained on too")
    pq.write_table(pq.read_table(folder / "good.parquet").slice(2), folder / "copy.parquet")
    config.data.train_files = [str(folder / "copy.parquet")]
    (some,) = map(str, checks.repeated(config))
    assert "2 of its 4 prompts are trained on too" in some and "--decontaminate" in some


def test_prompts_whose_latex_lost_its_backslash_are_told(config: DictConfig, tmp_path: Path):
    for broken, kind in ((1, "warning"), (4, "error")):
        given = rows()
        for row in given[:broken]:
            row["prompt"][0]["content"] = "\frac{1}{2}+1"
        write_parquet(given, tmp_path / "a.parquet")
        config.data.train_files = str(tmp_path / "a.parquet")
        (problem,) = map(str, checks.contents(config))
        assert problem.startswith(f"{kind}: data.train_files=") and "row 0: the prompt holds a form feed" in problem


def test_prompts_that_want_their_answer_where_the_reward_does_not_look_are_told(config: DictConfig, tmp_path: Path):
    given = rows()
    given[2]["prompt"][0]["content"] = 'What is 1+1? Output the final answer after "####".'
    config.data.train_files = str(write_parquet(given, tmp_path / "a.parquet"))
    (problem,) = map(str, checks.contents(config))
    assert problem.startswith("warning: data.train_files=") and "1 of 4 prompts want the answer elsewhere" in problem
    config.reward.custom_reward_function.reward_kwargs.mode = "extract"
    assert list(checks.contents(config)) == []


def test_ground_truths_that_no_answer_verifies_against_are_told(config: DictConfig, folder: Path, tmp_path: Path):
    assert list(checks.contents(config)) == []
    table, place = pq.read_table(folder / "good.parquet"), ["reward_model"]
    for broken, kind in ((1, "warning"), (4, "error")):
        golds = ["array([2])", "nan", "so <answer>2</answer>", "array([3])"][:broken] + ["2"] * (4 - broken)
        models = pa.array([{"style": "rule", "ground_truth": gold} for gold in golds])
        pq.write_table(table.drop(place).append_column(*place, models), tmp_path / "a.parquet")
        config.data.train_files = [str(tmp_path / "a.parquet")]
        (problem,) = map(str, checks.contents(config))
        assert problem.startswith(f"{kind}: data.train_files=") and "row 0: the ground truth 'array([2])' is" in problem
        assert f"; {broken} of 4 rows have a fault" in problem
    models = pa.array([{"ground_truth": gold} for gold in ('["2"]', "So \\boxed{2}.", "#### 2", "$2$")])
    pq.write_table(table.drop(place).append_column(*place, models), tmp_path / "a.parquet")
    assert list(checks.contents(config)) == []
    pq.write_table(table.drop(place).append_column(*place, pa.array(["2"] * 4)), tmp_path / "a.parquet")
    assert list(checks.contents(config)) == []  # `datasets` tells of the type
    own = config.copy()
    own.reward.custom_reward_function.path = "own.py"
    assert list(checks.contents(own)) == []


def test_rows_that_choose_another_agent_loop_are_told(config: DictConfig, folder: Path, tmp_path: Path):
    table = pq.read_table(folder / "good.parquet")
    for name, kind in (("tool_agent", "warning"), ("my_agent", "error")):
        pq.write_table(table.append_column("agent_name", pa.array([name] * len(table))), tmp_path / "a.parquet")
        config.data.train_files = [str(tmp_path / "a.parquet")]
        (problem,) = map(str, checks.agent_loops(config))
        assert problem.startswith(f"{kind}: data.train_files") and f"asks for {name}, not single_turn_agent" in problem


def without(field: str) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        info = table["extra_info"].combine_chunks()
        kept = [name for name in (each.name for each in info.type) if name != field]
        struct = pa.StructArray.from_arrays([info.field(name) for name in kept], names=kept)
        return table.set_column(table.schema.get_field_index("extra_info"), "extra_info", struct)

    return change


def unknown_feature(table: pa.Table) -> pa.Table:
    said = {"info": {"features": {"prompt": {"_type": "NotYetInvented"}}}}
    return table.replace_schema_metadata({"huggingface": json.dumps(said)})


def with_pictures(table: pa.Table) -> pa.Table:
    return table.append_column("images", pa.array([[{"bytes": b"x"}]] * len(table)))


def with_level(value: object) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.append_column("level", pa.array([value] * len(table)))


CHANGED: dict[str, tuple[list[Callable[[pa.Table], pa.Table]], str]] = {
    "an unknown feature": ([unknown_feature], "Feature type 'NotYetInvented' not found"),
    "pictures": ([with_pictures], "processor is needed to process multimodal data"),
    "a column of two types": ([with_level("1"), with_level(1)], "verl cannot load the files together"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGED)
def test_what_verl_cannot_load_is_told_with_its_file(kind: str, folder: Path, tmp_path: Path, config: DictConfig):
    changes, message = CHANGED[kind]
    names = []
    for at, change in enumerate(changes):
        pq.write_table(change(pq.read_table(folder / "good.parquet")), name := tmp_path / f"{at}.parquet")
        names.append(str(name))
    config.data.train_files = names
    (problem,) = found(config)
    assert problem.startswith("error: data.train_files=")
    assert message in problem and names[-1] in problem


def test_files_that_verl_loads_together_pass(folder: Path, tmp_path: Path, config: DictConfig):
    pq.write_table(without("raw_answer")(pq.read_table(folder / "good.parquet")), tmp_path / "less.parquet")
    config.data.train_files = [str(folder / "good.parquet"), str(tmp_path / "less.parquet")]
    assert found(config) == []


NAMES = {
    "another suffix": ("a.pq", "verl loads files that end in .parquet"),
    "capitals": ("A.PARQUET", "verl loads files that end in .parquet"),
    "none": ("a", "verl loads files that end in .parquet"),
    "brackets": ("run[1]/a.parquet", "reads [ in a path as a pattern"),
    "a star": ("a*.parquet", "reads * in a path as a pattern"),
}


@pytest.mark.parametrize("kind", NAMES)
def test_names_that_verl_does_not_load_are_refused(kind: str, folder: Path, tmp_path: Path, config: DictConfig):
    name, message = NAMES[kind]
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes((folder / "good.parquet").read_bytes())
    config.data.val_files = str(tmp_path / name)
    (problem,) = found(config)
    assert message in problem


def test_a_data_set_for_a_file_is_told_how_to_become_one(tmp_path: Path, config: DictConfig):
    for value in (f"{tmp_path}/", "openai/gsm8k"):
        config.data.train_files = value
        (problem,) = found(config)
        assert problem.startswith(f"error: data.train_files={value}: ") and "`dgpo data prepare` makes it" in problem


@pytest.mark.parametrize("value", [None, []])
def test_no_file_is_refused(value: object, config: DictConfig):
    config.data.val_files = value
    (problem,) = found(config)
    assert problem.startswith(f"error: data.val_files={value}: it names no file")


def test_another_prompt_column_is_looked_for(config: DictConfig):
    config.data.prompt_key = "question"
    assert all("column 'question' is missing" in problem for problem in found(config))


def test_home_is_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HOME", str(tmp_path))
    config = OmegaConf.create({"data": {"train_files": ["~/a.parquet"], "val_files": "~/b.parquet"}, "other": "~"})
    assert resolved(config) == {
        "data": {"train_files": [f"{tmp_path}/a.parquet"], "val_files": f"{tmp_path}/b.parquet"},
        "other": "~",
    }


def test_prompts_that_verl_would_cut_off_are_refused(config: DictConfig):
    config.data.max_prompt_length = TOKENS[2]
    train, validation = found(config)
    assert f"={TOKENS[2]}: 1 of 4 prompts of data.train_files are longer, up to {TOKENS[3]} tokens" in train
    assert "cut off their beginning" in train and f"raise it to {TOKENS[3]}" in train
    assert "data.val_files" in validation
    config.data.max_prompt_length = TOKENS[3]
    assert found(config) == []


def test_steps_are_those_of_the_prompts_that_are_left(config: DictConfig):
    config.trainer.total_training_steps, config.trainer.total_epochs = None, 3
    config.data.filter_overlong_prompts = True
    assert total_steps(config) == 6
    config.data.max_prompt_length = TOKENS[2]
    assert total_steps(config) == 3
    assert [problem.split(":")[0] for problem in found(config)] == ["warning", "warning"]
    config.data.max_prompt_length = TOKENS[0]
    assert "1 rows, less than one batch, within data.max_prompt_length=" in str(next(batches(config)))
    config.data.max_prompt_length = TOKENS[0] - 1
    assert any(problem.startswith("error: data.max_prompt_length") for problem in found(config))


def test_a_damaged_tokenizer_is_told_once(folder: Path, tmp_path: Path, config: DictConfig):
    shutil.copytree(folder / "model", tmp_path / "model")
    (tmp_path / "model/tokenizer.json").write_text("{")
    config.actor_rollout_ref.model.path = str(tmp_path / "model")
    (problem,) = found(config)
    assert problem.startswith(f"error: actor_rollout_ref.model.path={tmp_path}/model: its tokenizer cannot be loaded")


def test_prompts_that_come_again_after_many_others_are_measured_once(folder: Path, tmp_path: Path, config: DictConfig):
    write_parquet(rows() * 600, tmp_path / "many.parquet")
    config.data.train_files = str(tmp_path / "many.parquet")
    assert found(config) == []


def test_samples_drawn_are_the_ones_measured(config: DictConfig):
    config.data.train_max_samples, config.data.shuffle, config.data.seed = 2, True, 3
    config.data.filter_overlong_prompts = True
    config.trainer.total_training_steps, config.trainer.total_epochs = None, 1
    assert total_steps(config) == 1


def test_messages_that_the_template_refuses_are_named(folder: Path, tmp_path: Path, config: DictConfig):
    strict = "{% if messages[0].role != 'user' %}{{ raise_exception('no system role') }}{% endif %}{{ messages }}"
    config.data.max_prompt_length = 1000
    system: list[Message] = [{"role": "system", "content": "Be brief."}]
    systems = rows([system[: i // 2] for i in range(4)])
    config.data.train_files = str(write_parquet(systems, tmp_path / "system.parquet"))
    assert found(config) == []
    config.actor_rollout_ref.model.custom_chat_template = strict
    (problem,) = (each for each in found(config) if "train_files" in each and "refuses" in each)
    assert "row 2: the model's chat template refuses its messages (system, user): no system role" in problem
