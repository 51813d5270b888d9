"""Files the run reads: prompts and model."""

import json
from collections.abc import Iterator
from pathlib import Path

from omegaconf import DictConfig

from dgpo.config.checks.finding import Finding
from dgpo.config.checks.loading import MOST_SAMPLES, TOKENIZER_FILES, paths
from dgpo.config.checks.prompts import refused
from dgpo.data.loadable import name_fault
from dgpo.data.schema import check_parquet


def datasets(config: DictConfig) -> Iterator[Finding]:
    """Every prompt file is there and holds what training reads, in a form that verl loads."""
    told: list[Finding] = []
    for key in MOST_SAMPLES:
        found = [
            Finding(f"data.{key}", path, message, "`dgpo data check FILE` says more; docs/data.md has the columns")
            for path in paths(config.data[key])
            for message in name_fault(path) or check_parquet(path, config.data.prompt_key)
        ]
        if not paths(config.data[key]):
            found = [Finding(f"data.{key}", config.data[key], "it names no file", "give at least one prompt file")]
        found = found or [each for each in refused(config, key) if each not in told]
        told += found
        yield from found


def model(config: DictConfig) -> Iterator[Finding]:
    """The model directory holds a config, weights and a tokenizer."""
    key, value = "actor_rollout_ref.model.path", config.actor_rollout_ref.model.path
    folder = Path(value).expanduser()
    if not folder.is_dir():
        if value.startswith(("/", ".", "~")) or folder.suffix or value.count("/") != 1:
            yield Finding(key, value, "there is no such directory", "give a Hugging Face model directory")
        else:
            yield Finding(
                key,
                value,
                "there is no such directory, so it will be downloaded by every node",
                "download it first and give the local directory",
                fatal=False,
            )
        return
    try:
        json.loads((folder / "config.json").read_text())
    except FileNotFoundError:
        yield Finding(key, value, "it has no config.json", "give a Hugging Face model directory")
    except (OSError, ValueError) as error:
        yield Finding(key, value, f"its config.json cannot be read: {error}", "write the directory again")
    if not any(folder.glob("*.safetensors")) and not any(folder.glob("*.bin")):
        yield Finding(key, value, "it has no weights (*.safetensors)", "give a complete model directory")
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        yield Finding(
            key, value, "it has no tokenizer (tokenizer.json)", "save the tokenizer there: tokenizer.save_pretrained"
        )
