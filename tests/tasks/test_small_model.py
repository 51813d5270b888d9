from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from dgpo.cli import main
from dgpo.errors import UserError
from dgpo.tasks.arithmetic import distinct_problems, worked_answer
from dgpo.tasks.small_model import VLLM_CPU_HEAD_SIZES, create


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return create(tmp_path_factory.mktemp("model"), seed=0, hidden_size=64, layers=2)[0]


@pytest.fixture(scope="module")
def tokenizer(model_dir: Path) -> PreTrainedTokenizerFast:
    return AutoTokenizer.from_pretrained(model_dir, local_files_only=True)


# The library's own normalisation (NFC) is Qwen's; text that it leaves alone comes back as it was.
@given(text=st.text(st.characters(max_codepoint=0x2FF)))
def test_text_comes_back_from_the_tokenizer(tokenizer: PreTrainedTokenizerFast, text: str):
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


# Hypothesis tries texts of our own code too, the special tokens among them.
@given(text=st.text(st.characters(max_codepoint=127)).filter(lambda text: "<|" not in text))
def test_a_character_of_ascii_is_one_token(tokenizer: PreTrainedTokenizerFast, text: str):
    assert len(tokenizer.encode(text, add_special_tokens=False)) == len(text)


def test_a_worked_answer_and_its_end_fit_64_tokens(tokenizer: PreTrainedTokenizerFast):
    for problem in distinct_problems("test", 50, levels=[1, 2, 3, 4, 5], seed=0):
        assert len(tokenizer.encode(worked_answer(problem))) + 1 <= 64


def test_chat_is_written_as_qwen_writes_it(tokenizer: PreTrainedTokenizerFast):
    messages = [{"role": "system", "content": "Add."}, {"role": "user", "content": "1+1=?"}]
    text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    assert text == "<|im_start|>system\nAdd.<|im_end|>\n<|im_start|>user\n1+1=?<|im_end|>\n<|im_start|>assistant\n"
    ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    start, end = tokenizer.convert_tokens_to_ids(["<|im_start|>", "<|im_end|>"])
    assert (ids.count(start), ids.count(end)) == (3, 2)


def test_special_tokens_are_apart(tokenizer: PreTrainedTokenizerFast):
    assert tokenizer.eos_token == "<|im_end|>"
    assert tokenizer.pad_token_id not in (None, tokenizer.eos_token_id)
    assert tokenizer.bos_token is None


def test_verl_accepts_the_tokenizer(tokenizer: PreTrainedTokenizerFast):
    continuous_token = pytest.importorskip("verl.utils.tokenizer.continuous_token")
    assert continuous_token.QwenContinuousTokenBuilder(tokenizer)


def test_the_model_loads_with_the_tokenizers_vocabulary_and_its_ends(
    model_dir: Path, tokenizer: PreTrainedTokenizerFast
):
    model = AutoModelForCausalLM.from_pretrained(model_dir, local_files_only=True)
    assert model.config.vocab_size == len(tokenizer) == max(tokenizer.get_vocab().values()) + 1
    assert model.generation_config.eos_token_id == model.config.eos_token_id == tokenizer.eos_token_id
    assert model.generation_config.pad_token_id == model.config.pad_token_id == tokenizer.pad_token_id
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_the_seed_decides_the_weights_and_the_callers_random_state_is_kept(tmp_path: Path):
    before = torch.get_rng_state()
    dirs = {
        name: create(tmp_path / name, seed, hidden_size=32, layers=1)[0]
        for name, seed in {"a": 1, "b": 1, "c": 2}.items()
    }
    assert torch.equal(torch.get_rng_state(), before)
    weights = {name: (path / "model.safetensors").read_bytes() for name, path in dirs.items()}
    assert weights["a"] == weights["b"] != weights["c"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"head_size": 16}, "head_size=16: vLLM on a CPU has 32, 64"),
        ({"hidden_size": 100}, "hidden_size=100: use a multiple of head_size=32"),
        ({"hidden_size": 32_000_000}, "hidden_size=32000000: use a multiple of head_size=32, to 2048"),
        ({"layers": 0}, "layers=0: use at least 1"),
        ({"seed": -1}, "seed=-1: use a whole number from 0"),
    ],
)
def test_shapes_that_vllm_cannot_run_are_refused(changes: dict[str, int], message: str, tmp_path: Path):
    with pytest.raises(UserError, match=message):
        create(tmp_path, **{"seed": 0, **changes})
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_is_there_is_not_written_over(tmp_path: Path):
    create(tmp_path, 0, hidden_size=32, layers=1)
    before = (tmp_path / "model.safetensors").read_bytes()
    with pytest.raises(UserError, match=r"it holds a model, which would be written over; name another folder"):
        create(tmp_path, 1, hidden_size=32, layers=1)
    assert (tmp_path / "model.safetensors").read_bytes() == before


def test_the_head_sizes_are_those_of_vllms_cpu_attention():
    import importlib.util

    spec = importlib.util.find_spec("vllm")
    assert spec is not None and spec.origin is not None
    # Read, not imported: importing vLLM takes half of this file's time budget.
    source = (Path(spec.origin).parent / "v1/attention/backends/cpu_attn.py").read_text()
    listed = source.split("def get_supported_head_sizes", 1)[1].split("[", 2)[2].split("]")[0]
    assert set(VLLM_CPU_HEAD_SIZES) <= {int(size) for size in listed.split(",")}


def test_the_command_names_the_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["model", "small", "--out", str(tmp_path), "--hidden-size", "32", "--layers", "1"]) == 0
    assert "parameters" in capsys.readouterr().out
