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
    folder, give = Path(section.path).expanduser(), "give a Hugging Face model directory"
    may_be_hub_id = re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", section.path) and not folder.parent.is_dir()
    if not folder.is_dir():
        if not may_be_hub_id:
            yield finding(config, key, "there is no such directory", give)
        else:
            message = "there is no such directory, so it will be downloaded by every node"
            yield finding(config, key, message, "download it first and give the local directory", fatal=False)
    elif fault := model_fault(
        folder, config=section.get("hf_config_path") or "", trusted=bool(section.trust_remote_code)
    ):
        yield finding(config, key, *fault)
    elif (given := section.tokenizer_path) and Path(given).is_dir() and not has_tokenizer(given):
        yield finding(config, f"{MODEL}.tokenizer_path", "it holds no tokenizer", "leave it out, or correct the path")
