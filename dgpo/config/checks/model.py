"""The model directory: that transformers loads it as it was saved, with weights and a tokenizer."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from dgpo.config.checks.finding import Finding, finding
from dgpo.config.memory.setup import MODEL
from dgpo.errors import one_line
from dgpo.model_files import folder_fault, has_tokenizer, head_and_embedding, tensors


def model(config: DictConfig) -> Iterator[Finding]:
    """The model directory holds a config, weights and a tokenizer."""
    key, value = f"{MODEL}.path", config.actor_rollout_ref.model.path
    folder, give = Path(value).expanduser(), "give a Hugging Face model directory"
    may_be_hub_id = re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", value) and not folder.parent.is_dir()
    if not folder.is_dir():
        if not may_be_hub_id:
            yield finding(config, key, "there is no such directory", give)
        else:
            message = "there is no such directory, so it will be downloaded by every node"
            yield finding(config, key, message, "download it first and give the local directory", fatal=False)
        return
    if fault := folder_fault(folder):
        yield finding(config, key, *fault)
    elif (given := config.actor_rollout_ref.model.tokenizer_path) and Path(given).is_dir() and not has_tokenizer(given):
        yield finding(config, f"{MODEL}.tokenizer_path", "it holds no tokenizer", "leave it out, or correct the path")
    elif defect := _defect(config.actor_rollout_ref.model, folder):
        yield finding(config, key, defect, "give a complete model directory that transformers loads")


def _defect(model: DictConfig, folder: Path) -> str:
    """Why verl would not load the model as it was saved; "" where it would. Of the files, headers and vectors are read.

    transformers draws weights at random that the files lack, and says so only in a worker's log.
    """
    from transformers import AutoConfig
    from transformers.utils import logging
    from verl.utils.model import get_hf_auto_model_class

    logging.disable_progress_bar()
    verbosity, trusted = logging.get_verbosity(), bool(model.trust_remote_code)
    logging.set_verbosity(50)  # the message below says it in fewer words
    try:
        settings: Any = AutoConfig.from_pretrained(model.get("hf_config_path") or folder, trust_remote_code=trusted)
        if quantized := getattr(settings, "quantization_config", None):
            method = quantized.get("quant_method", "") if isinstance(quantized, dict) else ""
            return f"its weights are quantized ({method or 'quantization_config'}), which cannot be trained"
        if len(settings.architectures or ()) != 1:
            return f"verl needs the name of one class in its config.json, and architectures is {settings.architectures}"
        chosen: Any = get_hf_auto_model_class(settings)
        if not re.search("CausalLM|ImageTextToText|Vision2Seq", chosen.__name__):
            return f"it does not write text: its config.json has architectures={list(settings.architectures)}"
        if head_and_embedding(folder):
            settings.tie_word_embeddings = False  # else transformers would compare them, without their values
        options: dict[str, Any] = {"config": settings, "trust_remote_code": trusted, "device_map": "meta"}
        _, found = chosen.from_pretrained(folder, **options, ignore_mismatched_sizes=True, output_loading_info=True)
    except Exception as error:  # what transformers, safetensors and a model's own code raise
        return f"it cannot be loaded: {one_line(error)}"
    finally:
        logging.set_verbosity(verbosity)
    if others := sorted(found["mismatched_keys"]):
        return f"its config.json is of another model: {others[0][0]} has the shape {[*others[0][1]]} in the files"
    if missing := sorted(found["missing_keys"]):
        return f"its files lack weights, {len(missing)} in all, which would be random numbers; the first: {missing[0]}"
    if broken := _not_finite(folder):
        return f"its weights are no finite numbers, as those of a run that diverged; the first: {broken}"
    return ""


def _not_finite(folder: Path) -> str:
    """The first vector among the weights that holds NaN or infinity; "" for none. NaN spreads in training, so that the
    norms' vectors, which take no time to read, show it."""
    vectors = ((name, tensor) for name, tensor in tensors(folder) if len(tensor.get_shape()) == 1)
    return next((name for name, tensor in vectors if not tensor[:].isfinite().all()), "")
