"""What a model still knows of the forget rows and of all others: figures for each row, never its text.

A folder of rows, as `dgpo unlearn world` and `dgpo data prepare tofu-...` make it, has forget.jsonl, retain_eval.jsonl,
real_authors.jsonl, world_facts.jsonl and holdout.jsonl. A row may have ``author``, ``paraphrased_answer``,
``perturbed_answer`` beside its own; what it has not is not measured. MUSE's folders have verbmem.jsonl, knowmem_*.jsonl
and privleak_*.jsonl.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from dgpo.data.read import read_rows
from dgpo.errors import UserError, bounded, check_options, loading
from dgpo.files import file_sha256, json_object, make_folder, replace_text
from dgpo.model_files import weights_digests
from dgpo.progress import say
from dgpo.unlearning.data import Encoder, Row, read
from dgpo.unlearning.judge import MUSE, write_report
from dgpo.unlearning.metrics import exact_memorization, extraction_strength, min_k_score
from dgpo.unlearning.scores import Scorer, rouge_l

FILES = ("forget", "retain_eval", "real_authors", "world_facts", "holdout", "privleak_forget", "privleak_holdout")
NOT_GENERATED = FILES[4:]
VERBATIM = "verbmem"
"""Of MUSE's files that with continuations of a text; the others have questions, after ten answered examples."""
VERBATIM_TOKENS, KNOWLEDGE_TOKENS = 128, 32
GIVEN = 3
"""Tokens of a span that the attack prompts with."""
Figures = dict[str, list[Any]]


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a model is measured.

    Attributes:
        template, max_length: of the prompt and of a row, as in training.
        batch_size: rows at a time.
        relearn_lr, relearn_steps: learning rate and steps of the attack that trains on a fifth of the forget rows; a
            rate of 0 leaves it out.
    """

    template: str | None = None
    max_length: int = 512
    batch_size: int = 64
    relearn_lr: float = bounded(0.0, at_least=0, at_most=1)
    relearn_steps: int = 10

    def __post_init__(self) -> None:
        check_options(self)


def place_of(model: str) -> Path:
    """The folder of a model, of a run the one of its export."""
    exported = Path(model) / "hf"
    return exported if (exported / "config.json").is_file() else Path(model)


def identity_of(model: str, data: Path) -> dict[str, Any]:
    """What a result is of: names, and digests of the weights and of the rows."""
    rows = {file.name: file_sha256(file) for file in sorted(data.glob("*.jsonl"))}
    return {"model": model, "data": str(data), "weights": [*weights_digests(place_of(model)).values()], "rows": rows}


def measure(model: str, data: Path, options: Options) -> dict[str, Any]:
    """The figures of every row in the folder, by file and name, with those of the attacks.

    The model is a run, of which its export is measured, a folder or a hub id.

    Raises:
        UserError: there is no forget.jsonl, or the model cannot be loaded.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    if not (data / "forget.jsonl").is_file():
        raise UserError(f"--data={data}: there is no forget.jsonl; give a folder that `dgpo unlearn world` has made")
    place = place_of(model)
    if place.is_dir() and not (place / "config.json").is_file():
        raise UserError(f"model={model}: it is no model, and no run that has exported one; give either, or a hub id")
    with loading("model", f"model={model}", "give a model or a run"):
        tokenizer = AutoTokenizer.from_pretrained(str(place))
        network: Any = AutoModelForCausalLM.from_pretrained(str(place), dtype="auto")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = network.to(device=device, dtype=torch.float32 if device == "cpu" else None).eval()
    encoder = Encoder(tokenizer, options.template, options.max_length)
    scorer = Scorer(network, encoder, batch_size=options.batch_size)
    files = {}
    for name in (*FILES, *MUSE):
        if (data / f"{name}.jsonl").is_file():
            say(f"{model}: {name}")
            files[name] = (muse_figures if name in MUSE else figures_of)(scorer, data, name)
    rows = read(data / "forget.jsonl", inside_words=True)
    if options.relearn_lr and "leaked" in files["forget"]:
        say(f"{model}: relearning")
        files["forget"]["relearnt"] = relearnt(scorer, rows, options)
    return {**identity_of(model, data), "options": asdict(options), "files": files}


def figures_of(scorer: Scorer, data: Path, name: str) -> Figures:
    """The figures of a file, by name: a list with one entry for each row, None where it does not apply."""
    path = data / f"{name}.jsonl"
    rows, raw = read(path, inside_words=True), list(read_rows(path))
    figures: Figures = {"author": [str(row.get("author") or number) for number, row in enumerate(raw)]}
    scored = scorer.answers(rows)
    figures["loss"] = [one.loss for one in scored]
    figures["memorized"] = [exact_memorization(one.predicted, one.labels) for one in scored]
    figures["extracted"] = [extraction_strength(one.predicted, one.labels) for one in scored]
    figures["min_k"] = [min_k_score(one.log_probs) for one in scored]
    if any(row.get("perturbed_answer") for row in raw):
        for number, row in enumerate(raw, 1):
            wrong = row.get("perturbed_answer")
            if not (isinstance(wrong, list) and wrong and all(isinstance(text, str) and text for text in wrong)):
                raise UserError(f"{path}, row {number}: perturbed_answer is no list of texts, as others are; give one")
            if not isinstance(row.get("paraphrased_answer") or "", str):
                raise UserError(f"{path}, row {number}: paraphrased_answer is no text; write one, or leave it out")
        pairs = list(zip(rows, raw, strict=True))
        right = [replace(row, answer=one.get("paraphrased_answer") or row.answer) for row, one in pairs]
        wrong = [replace(row, answer=text) for row, one in pairs for text in one["perturbed_answer"]]
        losses = iter([one.loss for one in scorer.answers(wrong)])
        figures["paraphrased_loss"] = [one.loss for one in scorer.answers(right)]
        figures["perturbed_loss"] = [[next(losses) for _ in one["perturbed_answer"]] for one in raw]
    if name not in NOT_GENERATED and all(row.prompt for row in rows):  # a text answers no question
        texts = scorer.greedy(rows)
        figures["rouge"] = [rouge_l(row.answer, text, stemmed=True)[0] for row, text in zip(rows, texts, strict=True)]
        if name == "forget":
            figures["leaked"] = [leaked(row, text) for row, text in zip(rows, texts, strict=True)]
    if name == "forget":
        figures["recited"] = [scorer.recited(row, GIVEN) for row in rows]
    return figures


def texts_of(path: Path, *keys: str) -> list[Mapping[str, str]]:
    """The rows of a file; UserError where it has none, or one has no text under one of the keys."""
    rows = list(read_rows(path))
    for number, row in enumerate(rows, 1):
        for key in keys:
            if not isinstance(row.get(key), str):
                raise UserError(f"{path}, row {number}: {key} is no text; write one, or drop the row")
    if not rows:
        raise UserError(f"{path}: it has no rows that can be used; give a file with one at least")
    return rows


def muse_figures(scorer: Scorer, data: Path, name: str) -> Figures:
    """ROUGE-L F1 of greedy continuations of ``prompt`` with ``gt``, or of answers to ``question`` with ``answer``."""
    raw = texts_of(data / f"{name}.jsonl", *(("prompt", "gt") if name == VERBATIM else ("question", "answer")))
    if name == VERBATIM:
        prompts, right, most = [row["prompt"] for row in raw], [row["gt"] for row in raw], VERBATIM_TOKENS
    else:
        shots = data / f"{name}_icl.jsonl"
        shown = [
            f"Question: {row['question']}\nAnswer: {row['answer']}\n\n" for row in texts_of(shots, "question", "answer")
        ]
        prompts = ["".join(shown) + f"Question: {row['question']}\nAnswer: " for row in raw]
        right, most = [row["answer"] for row in raw], KNOWLEDGE_TOKENS
    tokens = scorer.continued([scorer.encoder.text(prompt) for prompt in prompts], most)
    texts = scorer.encoder.tokenizer.batch_decode(tokens, skip_special_tokens=True)
    if name != VERBATIM:
        # A model without a chat goes on with questions of its own.
        texts = [re.split(r"\n\n|\nQuestion|Question:", text)[0] for text in texts]
    scores = [rouge_l(answer, text)[1] for answer, text in zip(right, texts, strict=True)]
    return {"author": [str(number) for number in range(len(raw))], name: scores}


def leaked(row: Row, text: str) -> float | None:
    """Share of the row's sensitive spans that occur in the model's answer `text`; None for a row without spans."""
    words = [row.answer[slice(*span)].casefold() for span in row.spans]
    return sum(word in text.casefold() for word in words) / len(words) if words else None


def relearnt(scorer: Scorer, rows: Sequence[Row], options: Options) -> list[float | None]:
    """`leaked` of each row after a few training steps on every fifth row, which itself gets None. Changes the model."""
    some, network = rows[::5], scorer.model
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.relearn_lr, weight_decay=0.0)
    examples = [scorer.encoder.example(row)[0] for row in some]
    network.train()
    for _ in range(options.relearn_steps):
        # An example at a time, so that memory is that of one.
        tokens = sum(sum(map(bool, example.classes)) for example in examples)
        for example in examples:
            ids = torch.tensor([example.ids], device=network.device)
            labels = torch.where(torch.tensor([example.classes], device=ids.device) != 0, ids, -100)
            logits = network(input_ids=ids, use_cache=False).logits[:, :-1].float()
            loss = torch.nn.functional.cross_entropy(logits[0], labels[0, 1:], reduction="sum")
            (loss / tokens).backward()
        optimiser.step()
        optimiser.zero_grad()
    network.eval()
    others = [row for number, row in enumerate(rows) if number % 5]
    texts = iter(scorer.greedy(others))
    return [leaked(row, next(texts)) if number % 5 else None for number, row in enumerate(rows)]


def read_result(file: Path) -> dict[str, Any]:
    """A saved result of `measure`; UserError where the file is none."""
    result = json_object(file)
    if not isinstance(files := result.get("files"), dict) or "forget" not in files:
        raise UserError(f"{file}: it is no result of `dgpo unlearn eval`; give one, or a model")
    return result


def refuse_others(file: Path, saved: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Raises UserError where a saved result is of another model or data, or was measured in another way.

    The attack may be there unasked, and the number of rows at a time changes nothing.
    """
    for key, value in asked.items():
        old = {**saved, **saved.get("options", {})}.get(key, value)
        if old != value and key != "batch_size" and not (key == "relearn_lr" and not value):
            raise UserError(f"{file}: it was measured with {key}={old!s:.60}, not {value!s:.60}; --again measures anew")


def evaluate(
    models: Sequence[str], data: Path, out: Path, retain: str, options: Options, resamples: int, *, again: bool = False
) -> None:
    """Measure the models and the retain model, save each result in ``out``, and write the report there.

    Args:
        models, retain: each a model, a run, or an earlier result (.json); "" for no retain model.
        resamples: of the bootstrap.
        again: measure even where ``out`` has a result already.

    Raises:
        UserError: as `measure`, or a result in ``out`` is of another model or data, or was measured in another way.
    """
    make_folder(out, "out")
    names = [Path(model).name for model in (*models, retain) if not model.endswith(".json")]
    if twice := [name for name in filter(None, names) if names.count(name) > 1]:
        raise UserError(f"model={twice[0]}: two models are called so; rename one folder, or name the run that holds it")

    def result(model: str) -> dict[str, Any]:
        if model.endswith(".json"):
            return read_result(Path(model))
        file = out / f"{Path(model).name}.json"
        if file.is_file() and not again:
            saved = read_result(file)
            asked = {**asdict(options), **identity_of(model, data)}
            weights = asked.pop("weights")
            refuse_others(file, saved, asked)
            if saved.get("weights", weights) == weights:
                return saved
            say(f"{model}: it has other weights by now, and is measured anew")
        figures = measure(model, data, options)
        replace_text(file, json.dumps(figures, indent=2) + "\n")  # with NaN: null is what does not apply
        return figures

    results = [result(model) for model in models]
    write_report(results, result(retain) if retain else None, out, resamples)
    print(f"written: {out / 'report.md'}")
