import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from dgpo.cli import main
from dgpo.data.sources.arithmetic import write_splits
from dgpo.errors import UserError
from dgpo.tasks.arithmetic import Problem, boxed_answer, distinct_problems, worked_answer
from dgpo.tasks.small_model import create
from dgpo.tasks.warm_start import (
    SUMMARY,
    WarmStart,
    example,
    prompt_ids,
    warm_start,
)

SHORT = WarmStart(steps=3, batch_size=4, eval_problems=6)


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return create(tmp_path_factory.mktemp("model") / "initial", seed=0, hidden_size=32, layers=1)[0]


@pytest.fixture(scope="module")
def tokenizer(model_dir: Path) -> PreTrainedTokenizerFast:
    return AutoTokenizer.from_pretrained(model_dir)


@pytest.fixture(scope="module")
def trained(model_dir: Path) -> Path:
    out = model_dir.parent / "trained"
    warm_start(model_dir, out, SHORT)
    return out


def test_the_prompt_is_what_verls_dataset_holds(tokenizer: PreTrainedTokenizerFast, tmp_path: Path):
    import pyarrow.parquet as pq

    paths = write_splits(tmp_path, train=6, validation=3, test=3, seed=0)
    rows = pq.read_table(paths[0]).to_pylist()
    for problem, row in zip(distinct_problems("train", 6, seed=0), rows, strict=True):
        rendered = tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True, return_dict=False)
        assert prompt_ids(tokenizer, problem) == rendered


def test_only_the_answer_and_the_end_are_learnt(tokenizer: PreTrainedTokenizerFast):
    problem = Problem((12, 34), 1)
    made = example(tokenizer, problem, worked_answer(problem))
    learnt = [token for token, label in zip(made["input_ids"], made["labels"], strict=True) if label != -100]
    assert tokenizer.decode(learnt) == "2+4+0=06\n1+3+0=04\n\\boxed{46}<|im_end|>"
    assert made["input_ids"][: -len(learnt)] == prompt_ids(tokenizer, problem)


def test_the_teacher_shows_training_problems_alone_and_repeats_itself_under_a_seed(
    tokenizer: PreTrainedTokenizerFast,
):
    settings = WarmStart(steps=20, batch_size=10)
    shown = settings.examples(tokenizer)
    assert len(shown) == 200
    assert shown == settings.examples(tokenizer)
    assert shown != replace(settings, seed=1).examples(tokenizer)
    for one in shown:
        question = tokenizer.decode(one["input_ids"]).split("user\n")[1].split("=?")[0]
        assert Problem(tuple(map(int, question.split("+"))), 1).split == "train"


def test_noise_reaches_the_examples(tokenizer: PreTrainedTokenizerFast):
    def right(noise: float) -> float:
        texts = [
            tokenizer.decode(one["input_ids"]) for one in replace(SHORT, steps=100, noise=noise).examples(tokenizer)
        ]
        sums = [sum(map(int, text.split("user\n")[1].split("=?")[0].split("+"))) for text in texts]
        return sum(boxed_answer(text) == str(total) for text, total in zip(texts, sums, strict=True)) / len(texts)

    assert right(0.0) == 1.0
    assert 0.5 < right(0.15) < 0.75


def test_a_warm_start_is_saved_whole_and_the_same_under_a_seed(model_dir: Path, trained: Path, tmp_path: Path):
    warm_start(model_dir, tmp_path / "again", SHORT)
    warm_start(model_dir, tmp_path / "other", replace(SHORT, seed=1))
    weights = [(path / "model.safetensors").read_bytes() for path in (trained, tmp_path / "again", tmp_path / "other")]
    assert weights[0] == weights[1] != weights[2]
    model, tokenizer = AutoModelForCausalLM.from_pretrained(trained), AutoTokenizer.from_pretrained(trained)
    assert model.config.vocab_size == len(tokenizer)
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert (model.config.architectures, model.config.use_cache) == (["Qwen2ForCausalLM"], True)
    summary = json.loads((trained / SUMMARY).read_text())
    assert summary["settings"]["steps"] == 3
    assert set(summary["accuracy"]) == {"sampled", "greedy"}
    assert summary["versions"]["torch"] == torch.__version__


def test_training_lowers_the_loss_on_held_out_problems(
    model_dir: Path, trained: Path, tokenizer: PreTrainedTokenizerFast
):
    problem = distinct_problems("test", 1, seed=0)[0]
    batch = {name: torch.tensor([ids]) for name, ids in example(tokenizer, problem, worked_answer(problem)).items()}
    before, after = (AutoModelForCausalLM.from_pretrained(path)(**batch).loss for path in (model_dir, trained))
    assert after < before


def test_finished_work_is_kept_and_other_settings_are_done_again(
    model_dir: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    stamp = (trained / "model.safetensors").stat().st_mtime_ns
    summary = warm_start(model_dir, trained, SHORT)
    assert summary == json.loads((trained / SUMMARY).read_text())
    assert (trained / "model.safetensors").stat().st_mtime_ns == stamp
    assert "nothing to do" in capsys.readouterr().err
    out = tmp_path / "out"
    warm_start(model_dir, out, replace(SHORT, steps=1))
    assert warm_start(model_dir, out, replace(SHORT, steps=2, noise=0.1))["settings"]["steps"] == 2
    assert "its settings were others (noise, steps): doing it again" in capsys.readouterr().err


def test_other_initial_weights_are_other_settings(model_dir: Path, tmp_path: Path):
    other, _ = create(tmp_path / "initial", seed=5, hidden_size=32, layers=1)
    one = warm_start(model_dir, tmp_path / "out", replace(SHORT, steps=1))
    two = warm_start(other, tmp_path / "out", replace(SHORT, steps=1))
    assert one["settings"]["model_sha256"] != two["settings"]["model_sha256"]


def test_directories_that_would_be_harmed_or_hold_no_model_are_refused(model_dir: Path, tmp_path: Path):
    with pytest.raises(UserError, match="initial model's directory; give another"):
        warm_start(model_dir, model_dir, SHORT)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="no finished warm start; empty it"):
        warm_start(model_dir, tmp_path, SHORT)
    with pytest.raises(UserError, match=r"dgpo model small --out"):
        warm_start(tmp_path / "none", tmp_path / "out", SHORT)


def test_accuracy_leaves_the_callers_random_state_and_is_repeatable(trained: Path, tokenizer: PreTrainedTokenizerFast):
    model = AutoModelForCausalLM.from_pretrained(trained)
    before = torch.get_rng_state()
    one, again = (SHORT.measure(model, tokenizer, greedy=False) for _ in range(2))
    assert one == again
    assert torch.equal(torch.get_rng_state(), before)


def test_the_command_trains_and_prints_both_accuracies(
    model_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    sizes = ["--steps", "2", "--batch-size", "2", "--eval-problems", "3"]
    command = ["model", "warm-start", "--model", str(model_dir), "--out"]
    assert main([*command, str(tmp_path / "out"), *sizes]) == 0
    assert "sampled at temperature 1" in capsys.readouterr().out
