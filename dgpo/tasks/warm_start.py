"""A short supervised start on the noisy teacher's worked answers, so that reinforcement learning has
something to do.

The noise is the point: a model taught by a teacher that gets a column wrong with probability 0.15 is right
about every second time when sampled at temperature 1, and nearly always when decoded greedily. Sharpening
what it knows is what the policy gradient then does. A model that is merely under-trained does not improve in
so few steps.

Training is transformers' Trainer on the training split; what comes out is a plain Hugging Face directory with
`warm_start.json` beside the weights, written last: the settings, the accuracy on held-out problems, the
versions.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgpo.errors import UserError, bounded, check_options, loading
from dgpo.files import file_sha256, json_object, make_folder, replace_json
from dgpo.progress import say
from dgpo.tasks.arithmetic import (
    DEFAULT_LEVELS,
    Problem,
    boxed_answer,
    distinct_problems,
    problem_stream,
    worked_answer,
)
from dgpo.tasks.misconceptions import Misconceptions
from dgpo.tasks.small_model import MAX_SEED
from dgpo.versions import installed_versions

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

SUMMARY = "warm_start.json"
MAX_NEW_TOKENS = 64
"""Room for the longest worked answer: 50 tokens at levels 1 to 3, 51 at level 5."""


@dataclass(frozen=True, kw_only=True)
class Lessons:
    """What decides the outcome, of whatever task; a subclass has its ``examples``, and what it can do by them.

    seed: of problems, noise and their order; the initial weights are the model's own.
    steps, batch_size: optimiser steps, and examples in each.
    learning_rate: its peak; rises over the first 5 % of the steps, then falls to 0 along a cosine.
    noise: probability that the teacher gets a step wrong.
    eval_problems: held-out problems that both accuracies are measured on.
    """

    seed: int = bounded(0, at_least=0, at_most=MAX_SEED)
    steps: int
    batch_size: int
    learning_rate: float = bounded(2e-3, above=0)
    noise: float
    eval_problems: int

    def __post_init__(self) -> None:
        check_options(self)

    def examples(self, tokenizer: PreTrainedTokenizerBase) -> list[dict[str, list[int]]]:
        """One for each place in each batch: ``input_ids``, and ``labels`` with -100 where nothing is learnt."""
        raise NotImplementedError

    def measure(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, greedy: bool) -> float:
        """Share of held-out problems that are solved, sampled once at temperature 1 or greedily."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class WarmStart(Lessons):
    """Sums, a step of which is a column.

    misconceptions: what the teacher has learned wrongly of two digits, if anything.
    levels: of the problems, in turn.
    """

    steps: int = bounded(450, at_least=1)
    batch_size: int = bounded(64, at_least=1)
    noise: float = bounded(0.15, at_least=0, below=1)
    misconceptions: Misconceptions | None = None
    levels: tuple[int, ...] = DEFAULT_LEVELS
    eval_problems: int = bounded(384, at_least=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.held_out()

    def held_out(self) -> list[Problem]:
        return distinct_problems("validation", self.eval_problems, levels=self.levels, seed=self.seed)

    def examples(self, tokenizer: PreTrainedTokenizerBase) -> list[dict[str, list[int]]]:
        """As asked for; a problem that comes again has new noise."""
        rng = random.Random(f"teacher/{self.seed}")
        problems = islice(problem_stream("train", self.levels, self.seed), self.steps * self.batch_size)
        how: dict[str, Any] = {"noise": self.noise, "misconceptions": self.misconceptions}
        return [example(tokenizer, problem, worked_answer(problem, rng=rng, **how)) for problem in problems]

    def measure(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, greedy: bool) -> float:
        problems = self.held_out()
        texts = answers(model, tokenizer, problems, greedy=greedy, seed=self.seed)
        pairs = zip(problems, texts, strict=True)
        return sum(boxed_answer(text) == problem.answer for problem, text in pairs) / len(problems)


def prompt_ids(tokenizer: PreTrainedTokenizerBase, problem: Problem) -> list[int]:
    """The tokens of the prompt exactly as verl renders it for this problem's row."""
    messages: Any = [{"role": "user", "content": problem.text}]
    ids: Any = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=False)
    return ids


def example(tokenizer: PreTrainedTokenizerBase, problem: Problem, answer: str) -> dict[str, list[int]]:
    """Prompt, answer and end of sequence as `input_ids`; `labels` are the same with the prompt masked out
    (-100)."""
    prompt = prompt_ids(tokenizer, problem)
    response = [*tokenizer.encode(answer, add_special_tokens=False), tokenizer.eos_token_id]
    return {"input_ids": prompt + response, "labels": [-100] * len(prompt) + response}


def train(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, settings: Lessons) -> None:
    """Trains the model in place, on the CPU, with a progress bar on stderr."""
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

    # The Trainer wants a directory even when it saves nothing.
    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch,
            max_steps=settings.steps,
            per_device_train_batch_size=settings.batch_size,
            learning_rate=settings.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=max(1, settings.steps // 20),
            weight_decay=0.0,
            seed=settings.seed,
            use_cpu=True,
            bf16=False,
            report_to="none",
            save_strategy="no",
            logging_steps=50,
            remove_unused_columns=False,
        )
        Trainer(
            model=model,
            args=arguments,
            train_dataset=settings.examples(tokenizer),  # pyright: ignore[reportArgumentType]
            data_collator=DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=-100),
        ).train()


def answers(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    problems: Sequence[Problem],
    *,
    greedy: bool,
    seed: int = 0,
    batch_size: int = 128,
) -> list[str]:
    """One completion for each problem, greedy or sampled at temperature 1 from the whole distribution."""
    texts: list[str] = []
    with sampling(model, seed):
        for start in range(0, len(problems), batch_size):
            prompts = [prompt_ids(tokenizer, problem) for problem in problems[start : start + batch_size]]
            texts += complete(model, tokenizer, prompts, MAX_NEW_TOKENS, greedy=greedy)
    return texts


@contextmanager
def sampling(model: PreTrainedModel, seed: int) -> Iterator[None]:
    """What the model samples inside comes from the seed; the caller's random state is left as it was."""
    import torch

    model.eval()
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(seed)
        yield


def complete(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: list[list[int]],
    max_new_tokens: int,
    *,
    greedy: bool,
) -> list[str]:
    """The text after each prompt of token ids, greedy or sampled at temperature 1 from the whole distribution."""
    # top_k and top_p are named because transformers would otherwise cut the distribution, and verl does not.
    sampled = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0}
    how: dict[str, Any] = {"do_sample": False} if greedy else sampled
    batch = tokenizer.pad({"input_ids": prompts}, padding_side="left", return_tensors="pt")
    output = model.generate(**batch, max_new_tokens=max_new_tokens, **how)  # pyright: ignore
    return tokenizer.batch_decode(output[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)


def warm_start(model_dir: str | Path, out_dir: str | Path, settings: Lessons) -> dict[str, Any]:
    """Trains the model of `model_dir`, saves it to `out_dir`, and returns the summary saved beside it.

    Returns the summary of the earlier run, without training, where `out_dir` holds one of the same settings
    and the same initial weights; a warm start of other settings is replaced.

    Raises UserError where `model_dir` holds no model, both directories are the same, or `out_dir` holds files that are
    not a warm start's.
    """
    model_dir, out_dir = Path(model_dir), Path(out_dir)
    weights, previous = model_dir / "model.safetensors", json_object(out_dir / SUMMARY)
    if not weights.is_file():
        raise UserError(
            f"model={model_dir}: no model.safetensors there; make a model with `dgpo model small --out {model_dir}`"
        )
    if model_dir.resolve() == out_dir.resolve():
        raise UserError(f"out={out_dir} is the initial model's directory; give another one")
    if "settings" not in previous and out_dir.is_dir() and any(out_dir.iterdir()):
        raise UserError(f"out={out_dir} holds files but no finished warm start; empty it, or give another one")
    # As JSON has it, without tuples. Without misconceptions these are those of a warm start made before there were any.
    chosen = {name: value for name, value in asdict(settings).items() if value is not None}
    expected = {**json.loads(json.dumps(chosen)), "model_sha256": file_sha256(weights)}
    if previous and previous["settings"] == expected:
        say(f"{out_dir} holds a finished warm start with these settings: nothing to do")
        return previous
    if previous:
        changed = sorted(name for name, value in expected.items() if previous["settings"].get(name) != value)
        say(f"{out_dir}: its settings were others ({', '.join(changed)}): doing it again")

    make_folder(out_dir, "out")  # what cannot be written is refused before the training
    from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed

    with loading("model", f"model={model_dir}", "make it again"):
        tokenizer = AutoTokenizer.from_pretrained(model_dir, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(model_dir, local_files_only=True, dtype="float32")
    set_seed(settings.seed)
    begin = time.monotonic()
    train(model, tokenizer, settings)
    seconds = time.monotonic() - begin
    # The Trainer turns the cache of keys and values off, and the setting would be saved with the model.
    model.config.use_cache = True
    accuracy = {
        "sampled": settings.measure(model, tokenizer, greedy=False),
        "greedy": settings.measure(model, tokenizer, greedy=True),
    }
    # From here to the end the directory is neither the old warm start nor the new one.
    (out_dir / SUMMARY).unlink(missing_ok=True)
    model.save_pretrained(out_dir)
    tokenizer.save_pretrained(out_dir)
    summary = {
        "settings": expected,
        "accuracy": accuracy,
        "train_seconds": round(seconds, 1),
        "versions": installed_versions(("torch", "transformers", "tokenizers", "accelerate")),
    }
    replace_json(out_dir / SUMMARY, summary)
    return summary
