"""verl's own dataset of a config's prompt files, and the tokens of each prompt under the model's chat template."""

import contextlib
import functools
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from omegaconf import DictConfig, OmegaConf

from dgpo.config.compose import paths
from dgpo.config.memory.setup import MODEL
from dgpo.data.check import Contents
from dgpo.data.damage import backslash_fault
from dgpo.errors import one_line
from dgpo.model_files import folder_fault, has_tokenizer, tokenizer_fault
from dgpo.progress import ProgressBar

MOST_SAMPLES = {"train_files": "train_max_samples", "val_files": "val_max_samples"}
_PATH = f"{MODEL}.path"
_MODEL_KEYS = ("path", "tokenizer_path", "trust_remote_code", "custom_chat_template")


class UnloadableError(Exception):
    """What verl or the chat template refuses, and the remedy; ``key`` names the setting where it is not the files'."""

    def __init__(self, message: str, remedy: str, key: str = "") -> None:
        super().__init__(message)
        self.remedy, self.key = remedy, key


def prompt_files(config: DictConfig) -> Iterator[tuple[str, str]]:
    """The key and the path of each prompt file."""
    for name in MOST_SAMPLES:
        for path in paths(config.data[name]):
            yield f"data.{name}", path


def prompt_contents(config: DictConfig) -> list[tuple[str, str, Contents]]:
    """Key, path and contents of each prompt file, which is read once."""
    column = config.data.prompt_key
    states = {path: _state(path) if Path(path).is_file() else None for _, path in prompt_files(config)}
    return [(key, path, _contents(path, column, states[path])) for key, path in prompt_files(config)]


@functools.lru_cache(maxsize=32)
def _contents(path: str, prompt_key: str, state: object) -> Contents:
    # Its pictures may be in columns of their own.
    return Contents(Path(path), prompt_key, functools.partial(backslash_fault, is_answer=False))


def _state(path: str) -> tuple[str, int, int]:
    """The path, and what changes with the file there: a file that was read before may have been written anew."""
    state = Path(path).stat()
    return path, state.st_mtime_ns, state.st_size


def prompt_lengths(config: DictConfig, key: str) -> np.ndarray | None:
    """Tokens of each prompt of ``data.<key>`` that verl would load, the start of the response included; None where the
    tokenizer is not on this machine, or a dataset class of one's own does not show its rows.

    Raises UnloadableError where verl cannot load the files, or the chat template cannot render a row.
    """
    model = config.actor_rollout_ref.model
    source = Path(model.get("tokenizer_path") or model.path)
    if not has_tokenizer(source):
        return None
    files = tuple(map(_state, paths(config.data[key])))
    relevant = {"data": config.data, "model": {name: model.get(name) for name in _MODEL_KEYS}}
    return _prompt_lengths(OmegaConf.to_yaml(OmegaConf.create(relevant)), key, files)


@functools.lru_cache(maxsize=4)
def _prompt_lengths(settings: str, key: str, files: tuple[tuple[str, int, int], ...]) -> np.ndarray | None:
    import datasets

    datasets.disable_progress_bars()
    config = cast(DictConfig, OmegaConf.create(settings))
    tokenizer, processor = model_tokenizer(config.model)
    config.data.filter_overlong_prompts = False
    dataset = _load([file for file, _, _ in files], config.data, tokenizer, processor, key)
    frame = getattr(dataset, "dataframe", None)
    if frame is None:
        return None
    options = dict(config.data.get("apply_chat_template_kwargs") or {})
    if schemas := getattr(dataset, "tool_schemas", None):
        options["tools"] = schemas
    render = (processor or tokenizer).apply_chat_template

    def tokens(prompt: Any) -> list[int]:
        text = render(prompt, add_generation_prompt=True, tokenize=False, **options)
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    if (processor or tokenizer).chat_template is None:
        remedy = "give one that has, or actor_rollout_ref.model.custom_chat_template"
        raise UnloadableError("its tokenizer has no chat template", remedy, _PATH)
    column = config.data.prompt_key
    # Row by row a frame takes four times as long.
    prompts = (each for start in range(0, len(frame), 1000) for each in frame[start : start + 1000][column])
    lengths = _token_counts(prompts, lambda prompt: len(tokens(prompt)), len(frame))
    for prompt in frame[:1][column]:
        if fault := tokenizer_fault(Path(config.model.path), tokenizer, prompt, tokens(prompt)):
            raise UnloadableError(*fault, _PATH)
    return lengths


def model_tokenizer(model: DictConfig) -> tuple[Any, Any]:
    """verl's tokenizer and processor (None for a model of text alone)."""
    from verl.utils.tokenizer import hf_processor, hf_tokenizer

    source, trusted = model.tokenizer_path or model.path, bool(model.trust_remote_code)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            tokenizer: Any = hf_tokenizer(source, trust_remote_code=trusted)
            processor: Any = hf_processor(source, trust_remote_code=trusted)
    except Exception as error:  # what a damaged tokenizer raises is an Exception, no more
        of_tokenizer = f"its tokenizer cannot be loaded: {_reason(error)}", "save it again"
        of_model = folder_fault(Path(model.path)) if Path(model.path).is_dir() else None
        raise UnloadableError(*(of_model or of_tokenizer), _PATH) from error
    if model.custom_chat_template:
        (processor or tokenizer).chat_template = model.custom_chat_template
    return tokenizer, processor


def _load(files: Sequence[str], data: DictConfig, tokenizer: Any, processor: Any, key: str) -> Any:
    """verl's dataset of the files, after a try at its first and last rows: of each file, then of all, so that what is
    refused is told of the file that it is in."""
    from verl.trainer.ppo.utils import create_rl_dataset
    from verl.utils.dataset.rl_dataset import get_dataset_class

    most = data.get(MOST_SAMPLES[key], -1)

    def load(chosen: Sequence[str]) -> Any:
        dataset: Any = create_rl_dataset(OmegaConf.create(list(chosen)), data, tokenizer, processor, max_samples=most)
        for place in {0, len(dataset) - 1}:
            dataset[place]
        return dataset

    with _loading(f"the class {data.custom_cls.name} of it", "correct path and name", "data.custom_cls.path"):
        get_dataset_class(data)
    dataset = None
    for file in files:
        with _loading(file, "`dgpo data prepare` writes files that it can load"):
            dataset = load([file])
    if len(files) > 1:
        with _loading("the files together", "give them the columns and types that `dgpo data prepare` writes"):
            dataset = load(files)
    return dataset


@contextlib.contextmanager
def _loading(what: str, remedy: str, key: str = "") -> Iterator[None]:
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    except Exception as error:  # the libraries that verl reads with raise what they like
        raise UnloadableError(f"verl cannot load {what}: {_reason(error)}", remedy, key) from error


def _token_counts(prompts: Iterable[Any], count: Callable[[Any], int], number: int) -> np.ndarray:
    """Tokens of each of so many prompts, `(N,)`; equal ones are counted once."""
    known: dict[int, int] = {}
    lengths = np.empty(number, np.int64)
    with ProgressBar("measuring prompts", number) as bar:
        for place, prompt in enumerate(prompts):
            if (mark := hash(str(prompt))) not in known:
                try:
                    known[mark] = count(prompt)
                except Exception as error:  # a template raises what it likes
                    roles = ", ".join(str(message.get("role")) for message in prompt)
                    raise UnloadableError(
                        f"row {place}: the model's chat template refuses its messages ({roles}): {_reason(error)}",
                        "write roles that the template takes, in its order, drop the row, or mend the template",
                    ) from error
            lengths[place] = known[mark]
            bar.advance(1)
    return lengths


def _reason(error: BaseException) -> str:
    return one_line(error.__cause__ or error)
