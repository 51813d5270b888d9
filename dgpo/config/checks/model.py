"""The model directory: that transformers loads it as it was saved, with weights and a tokenizer."""

import re
from collections.abc import Iterator
from pathlib import Path

from omegaconf import DictConfig

from dgpo.config.checks.finding import Finding, finding
from dgpo.config.memory.setup import MODEL
from dgpo.model_files import has_tokenizer, model_fault


def model(config: DictConfig) -> Iterator[Finding]:
    """The model directory holds a config, weights and a tokenizer."""
    key, section = f"{MODEL}.path", config.actor_rollout_ref.model
    folder, trusted = Path(section.path).expanduser(), bool(section.trust_remote_code)
    if not folder.is_dir() and re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", section.path) and not folder.parent.is_dir():
        message = "there is no such directory, so it will be downloaded by every node"
        yield finding(config, key, message, "download it first and give the local directory", fatal=False)
    elif not folder.is_dir():
        yield finding(config, key, "there is no such directory", "give a Hugging Face model directory")
    elif fault := model_fault(folder, config=section.get("hf_config_path") or "", trusted=trusted):
        yield finding(config, key, *fault)
    elif (given := section.tokenizer_path) and Path(given).is_dir() and not has_tokenizer(given):
        yield finding(config, f"{MODEL}.tokenizer_path", "it holds no tokenizer", "leave it out, or correct the path")
