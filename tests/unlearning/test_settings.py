"""Configs of unlearning: those that there are, what is refused of one before anything starts, and its plan."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

from dgpo.cli import main
from dgpo.config.compose import compose_config, config_dir, resolved
from dgpo.errors import UserError
from dgpo.unlearning.data import Encoder, read
from dgpo.unlearning.losses import METHODS
from dgpo.unlearning.preview import coloured
from dgpo.unlearning.settings import parse_settings
from dgpo.unlearning.train import train_from

CHOICES = sorted(file.stem for file in (config_dir() / "method").glob("*.yaml"))
CONFIGS = sorted(file.stem for file in config_dir().glob("unlearn_*.yaml"))
PAGE = Path(__file__).resolve().parents[2] / "docs/unlearning.md"


@pytest.mark.parametrize("choice", CHOICES)
def test_each_method_has_its_settings_and_a_run_of_its_own(choice: str) -> None:
    settings, method = parse_settings(resolved(compose_config("unlearn", [f"method={choice}"])))
    assert settings.run.dir == f"runs/unlearning/{choice}-0"
    assert type(method) is METHODS[settings.method["loss"]]


def test_the_loss_of_the_page_is_one_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "my_forget.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "method").mkdir()
    choice = "# @package method\nname: capped\nloss: my_forget:Capped\nretain_weight: 1.0\ncap: 2.0\n"
    (tmp_path / "method/capped.yaml").write_text(choice)
    _, method = parse_settings(resolved(compose_config("unlearn", ["method=capped"], tmp_path)))
    values = method.token_values(torch.tensor([[0.0, 0.0], [9.0, 0.0]]), None, torch.tensor([0, 1]), torch.ones(2))
    assert values.tolist() == pytest.approx([-0.6931, -2.0], abs=1e-4)


def test_each_loss_has_a_choice() -> None:
    assert {compose_config("unlearn", [f"method={choice}"]).method.loss for choice in CHOICES} == set(METHODS)


def test_a_config_of_something_else_is_refused() -> None:
    with pytest.raises(UserError, match="--config-name=quickstart: it has no method"):
        train_from("quickstart")


@pytest.mark.parametrize("config", CONFIGS)
def test_each_config_is_read(config: str) -> None:
    parse_settings(resolved(compose_config(config)))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("method.top_k=0", "method.top_k=0 must be an integer in [1, inf); correct it"),
        ("method.top_k=100000", "method.top_k=100000: expected 1 to the model's vocabulary"),
        ("method.top_k=1", "local_mean forgets nothing"),
        ("method.first_n=0", "method.first_n=0 must be an integer in [1, inf)"),
        ("method.first_n=2.5", "method.first_n=2.5 must be an integer"),
        ("method.retain_weight=much", "method.retain_weight='much' must be a number"),
        ("method.target=middle", "method.target=middle"),
        ("+method.gamma=1", "method.gamma=1: palu has no such setting"),
        ("method.loss=paul", "method.loss=paul: no loss can be loaded (No module named 'paul'); choose one of palu"),
        ("method.loss=json", "method.loss=json: it is no subclass of dgpo.unlearning.losses.Method"),
        ("method.loss=json:Loss", "no loss can be loaded (module 'json' has no attribute 'Loss'); choose one of palu"),
        ("train.batch_size=0", "train.batch_size=0 must be a number in [1, inf); correct it"),
        ("train.micro_batch_size=3", "train.micro_batch_size=3: it must divide the 20 rows"),
        ("train.lr=0", "train.lr=0"),
        ("train.weight_decay=nan", "train.weight_decay=nan must be a number in [0, inf)"),
        ("train.adam_beta2=1", "train.adam_beta2=1.0 must be a number in [0, 1)"),
        ("train.clip_grad=0", "train.clip_grad=0.0 must be"),
        ("train.warmup_steps=60", "train.warmup_steps=60: the run has 60 steps, so that the rate never rises"),
        ("method.retain_weight=inf", "method.retain_weight=inf must be a number"),
        ("model.attention=flash", "model.attention='flash' must be one of eager, sdpa"),
        ("trainer.logger=[file,wanddb]", "trainer.logger='wanddb' must be one of"),
        ("train.steps=many", "train.steps"),
        ("train.schedule=linear", "train.schedule='linear' must be one of constant, cosine"),
        ("trainer.n_gpus_per_node=3", "train.batch_size=20: it does not divide into 3 ranks"),
        ("data.without_spans=ask", "data.without_spans='ask'"),
        ("data.forget=nothing.jsonl", "data.forget=nothing.jsonl: there is no such file"),
        ("data.retain=null", "data.retain: it is missing"),
        ("data.forget=null", "data.forget: it is missing"),
        ("data.retain=runs/unlearning/data-0/full.jsonl", "it asks what is to be forgotten by"),
        ("data.forget=runs/unlearning/data-0/holdout.jsonl", ""),
        ("data.max_length=12", "raise data.max_length=12"),
        ("model.path=nowhere/at/all", "model.path=nowhere/at/all: no model can be loaded"),
        ("model.reference=other", "model.reference=other: it has a vocabulary of 9"),
        ("nothing=1", "nothing"),
        ("train.learning_rate=1", "write train.lr;"),
        ("lora.rank=8", "write model.lora_rank;"),
        ("method=idk_dpo", ""),
        ("method=idk_dpo train.micro_batch_size=5", "idk_dpo has pairs; take an even one"),
        ("method=idk_dpo data.alternatives=null", "nothing to answer instead"),
        ("method=idk_dpo data.alternatives=none.txt", "data.alternatives=none.txt: there is no such file"),
        ("method=idk_dpo data.alternatives=latin.txt", "data.alternatives=latin.txt: it cannot be read"),
        # A method asks only for the files that it reads.
        ("data.alternatives=none.txt", ""),
        ("method=grad_ascent data.alternatives=none.txt data.retain=none.jsonl", ""),
    ],
)
def test_a_config_that_cannot_train_is_refused_before_it_starts(
    overrides: str, message: str, world: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(world)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    Path("latin.txt").write_bytes("Je n'ai pas appris ça.\n".encode("latin-1"))
    if overrides.endswith("=other") and not Path("other").exists():
        sizes = {"hidden_size": 32, "intermediate_size": 32, "num_attention_heads": 1, "num_key_value_heads": 1}
        Qwen2ForCausalLM(Qwen2Config(vocab_size=9, num_hidden_layers=1, **sizes)).save_pretrained("other")
    status = main(["unlearn", "train", "--dry-run", *overrides.split()])
    assert message in capsys.readouterr().err and status == (2 if message and "warmup" not in overrides else 0)


def test_gpus_that_are_not_there_are_asked_for_in_vain(
    world: Path, monkeypatch: pytest.MonkeyPatch, refused: Callable[..., str]
) -> None:
    monkeypatch.chdir(world)
    sizes = ("trainer.n_gpus_per_node=64", "train.batch_size=64", "train.micro_batch_size=1")
    assert "trainer.n_gpus_per_node=64: this machine has" in refused("unlearn", "train", "trainer.device=cuda", *sizes)


def test_the_plan_has_what_a_gpu_holds(capsys: pytest.CaptureFixture[str]) -> None:
    def planned(*overrides: str) -> dict[str, int]:
        assert main(["plan", "--json", "--config-name", "unlearn_tofu_llama2_7b", *overrides]) == 0
        return json.loads(capsys.readouterr().out)

    whole, one = planned(), planned("trainer.n_gpus_per_node=1")
    assert whole["weights, sharded"] * 8 == pytest.approx(one["weights, sharded"], rel=1e-6) == 4 * 6_738_415_616
    assert "head of the model before" not in planned("method=grad_diff")
    assert planned("model.lora_rank=8")["gradients and Adam's moments, sharded"] == 0


def test_spans_are_shown_with_the_tokens_of_each_class(
    world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, refused: Callable[..., str]
) -> None:
    monkeypatch.chdir(world)
    file = "runs/unlearning/data-0/forget.jsonl"
    rows = [json.loads(line) for line in Path(file).read_text().splitlines()]
    assert main(["unlearn", "spans", file, "--tokenizer", "runs/unlearning/full-0/hf", "--first-n", "1"]) == 0
    shown = capsys.readouterr().out
    (word,) = rows[0]["sensitive"]
    assert rows[0]["answer"].replace(word, f"[[{word}]]") in shown
    kinds = coloured(read(Path(file))[0], Encoder(AutoTokenizer.from_pretrained("runs/unlearning/full-0/hf")), 1).spans
    assert [kind.start for kind in kinds] == sorted(kind.start for kind in kinds) and len({*kinds}) > 1
    assert f"the first 1 of a span) {len(rows)}" in " ".join(shown.split())
    others = "runs/unlearning/data-0/real_authors.jsonl"
    assert "row 1: nothing of it is sensitive" in refused("unlearn", "spans", others)
    for words in (["--without-spans", "some"], ["--first-n", "-1"], ["--rows", "-1"]):
        assert words[0] in refused("unlearn", "spans", file, *words)
