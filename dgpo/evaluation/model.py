"""Finds the model to evaluate (a Hugging Face directory, a hub id, a checkpoint or a run folder), and its prompts."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgpo.errors import UserError, loading
from dgpo.evaluation.benchmarks import Benchmark
from dgpo.evaluation.settings import ModelFacts
from dgpo.files import file_sha256, json_object
from dgpo.model_files import model_fault, refuse
from dgpo.progress import say

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_HUB_FILES = ["*.safetensors", "*.json", "*.jinja", "*.txt", "*.model"]


@dataclass(frozen=True)
class Model:
    """The folder of its files, the content of config.json, and the facts that the settings record."""

    path: Path
    config: dict[str, Any]
    facts: ModelFacts


def find_model(model: str, revision: str | None, exports: Path) -> Model:
    """The model that `--model` names.

    A checkpoint or a run folder is exported to `exports/model-HASH` once, and found there later.

    Raises:
        UserError: there is no such model, or the hub cannot be reached.
    """
    path = Path(model)
    if path.is_dir():
        if revision is not None:
            raise UserError(f"--revision={revision}: it is for models of the hub, and {model} is a directory; drop it")
        is_run = (path / "checkpoints").exists() or any(path.glob("global_step_*"))
        folder = _exported(path, exports) if is_run or path.name.startswith("global_step_") else path
        return _model(folder, model)
    if path.exists() or not _HUB_ID.fullmatch(model):
        raise UserError(
            f"--model={model}: there is no such directory, and it is no hub id (OWNER/NAME) either; give a "
            "Hugging Face directory, a run folder, or a checkpoint's global_step_N"
        )
    folder = _downloaded(model, revision)
    return _model(folder, model, folder.name)


def _downloaded(model: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    remedy = f"download it where there is a network with `hf download {model} --local-dir DIR` and pass --model DIR"
    with loading("model of the hub", f"--model={model}", remedy):
        return Path(snapshot_download(model, revision=revision, allow_patterns=_HUB_FILES))


def _exported(source: Path, exports: Path) -> Path:
    from dgpo.runs.checkpoints import MANIFEST
    from dgpo.runs.export import export, find_checkpoint

    checkpoint = find_checkpoint(source)
    # The manifest distinguishes this checkpoint from one that a later run wrote to the same folder.
    identity = f"{checkpoint.resolve()}\n{(checkpoint / MANIFEST).read_text()}"
    target = exports / f"model-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"
    if not target.is_dir():
        say(f"exporting {checkpoint} to {target}")
        export(checkpoint, target)
    return target


def _model(folder: Path, name: str, revision: str = "") -> Model:
    refuse(f"--model={name}", model_fault(folder, trains=False))
    config = json_object(folder / "config.json")
    shape = {key: config.get(key) for key in ("architectures", "hidden_size", "num_hidden_layers", "vocab_size")}
    revision = revision or f"sha256:{_files_sha256(folder)}"
    return Model(folder, config, ModelFacts(name=name, revision=revision, **shape))


def _files_sha256(folder: Path) -> str:
    """Hash over the names and contents of all files that determine the model's output."""
    digest = hashlib.sha256()
    for file in sorted({file for pattern in _HUB_FILES for file in folder.glob(pattern)}):
        digest.update(f"{file.name} {file_sha256(file)}\n".encode())
    return digest.hexdigest()


def prompt_tokens(tokenizer: Any, benchmark: Benchmark) -> list[list[int]]:
    """The token ids of each problem's prompt, the same as in verl's rollouts.

    A rendered template may already begin with BOS; tokenising its text would add a second one, which costs accuracy
    and is hard to notice. So the template is applied and tokenised in one call, and vLLM gets the ids.

    Raises:
        UserError: a prompt cannot be rendered, or does not have exactly one BOS though the tokenizer adds one.
    """
    bos = tokenizer.bos_token_id
    adds_bos = bos is not None and tokenizer("1").input_ids[:1] == [bos]
    prompts = []
    for problem in benchmark.problems:
        try:
            ids = tokenizer.apply_chat_template(
                problem.messages, add_generation_prompt=True, tokenize=True, return_dict=False
            )
        except Exception as error:  # jinja's, and whatever a template raises itself
            raise UserError(
                f"{benchmark.path}: the model's chat template cannot render problem {problem.id!r} ({error}); "
                "prepare the benchmark with the roles that the template knows"
            ) from error
        count = ids.count(bos) if bos is not None else 0
        if count > 1 or (adds_bos and count == 0):
            raise UserError(
                f"{benchmark.path}: the prompt of problem {problem.id!r} has {count} BOS tokens "
                f"({tokenizer.bos_token!r}) instead of one; mend the chat template, or the prompt if it spells the "
                "token out"
            )
        prompts.append(list(ids))
    return prompts


def prompts_sha256(prompts: Sequence[Sequence[int]]) -> str:
    """Hash of all token ids of a benchmark; equal hashes mean equal prompts, token by token."""
    digest = hashlib.sha256()
    for ids in prompts:
        digest.update(",".join(map(str, ids)).encode() + b"\n")
    return digest.hexdigest()
