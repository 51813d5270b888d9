"""Files the run reads: prompts, which verl's own dataset must load and the chat template render, and the model."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from omegaconf import DictConfig, OmegaConf

from dgpo.config.checks.finding import Finding, finding
from dgpo.config.checks.loading import (
    MOST_SAMPLES,
    TOKENIZER_FILES,
    UnloadableError,
    paths,
    places,
    prompt_files,
    prompt_lengths,
)
from dgpo.config.memory.setup import MODEL
from dgpo.data.schema import check_parquet, name_fault, prompt_rows
from dgpo.errors import one_line


def datasets(config: DictConfig) -> Iterator[Finding]:
    """Every prompt file is there and holds what training reads, in a form that verl loads."""
    findings: list[Finding] = []
    for key in MOST_SAMPLES:
        faults = [
            Finding(f"data.{key}", path, message, "`dgpo data check FILE` says more; docs/data.md has the columns")
            for path in paths(config.data[key])
            for message in name_fault(path) or check_parquet(path, config.data.prompt_key)
        ]
        if not paths(config.data[key]):
            faults = [finding(config, f"data.{key}", "it names no file", "give at least one prompt file")]
        faults = faults or [each for each in _refused(config, key) if each not in findings]
        findings += faults
        yield from faults


def repeated(config: DictConfig) -> Iterator[Finding]:
    """No prompt file is read twice, or validated and trained on."""
    trained, validated = (places(config.data[key]) for key in MOST_SAMPLES)
    for path in {path for path in trained if trained.count(path) > 1}:
        message = "it is named more than once, and each of its prompts would come as often in an epoch"
        yield Finding("data.train_files", path, message, "name it once", fatal=False)
    for path in {*trained}.intersection(validated):
        message = "it is trained on too, so that validation says nothing of prompts that were not"
        yield Finding("data.val_files", path, message, "name a file of other prompts", fatal=False)


def agent_loops(config: DictConfig) -> Iterator[Finding]:
    """A column ``agent_name`` chooses the loop of a row, whatever the config says."""
    agent = config.actor_rollout_ref.rollout.agent
    for key, path in prompt_files(config):
        with contextlib.suppress(OSError, pa.ArrowException):  # `datasets` says what is wrong with it
            names = {row["agent_name"] for row in prompt_rows(path, ["agent_name"])}
            if others := sorted(map(str, names - {agent.default_agent_loop})):
                from verl.experimental.agent_loop.agent_loop import _agent_loop_registry

                unknown = not agent.agent_loop_config_path and not _agent_loop_registry.keys() >= set(others)
                message = f"its column agent_name asks for {', '.join(others)}, not {agent.default_agent_loop}"
                remedy = f"drop the column, or use one of {', '.join(sorted(_agent_loop_registry))}"
                yield Finding(key, path, message, remedy, fatal=unknown)


def _refused(config: DictConfig, key: str) -> Iterator[Finding]:
    """What would stop verl in the files of ``data.<key>``, or be cut off or left out there."""
    try:
        lengths = prompt_lengths(config, key)
    except UnloadableError as error:
        place = error.key or f"data.{key}"
        value = OmegaConf.select(config, place) if error.key else ", ".join(paths(config.data[key]))
        yield Finding(place, value, str(error), error.remedy)
        return
    if lengths is None:
        return
    most, filters = config.data.max_prompt_length, config.data.filter_overlong_prompts
    too_long, longest = int(np.count_nonzero(lengths > most)), int(lengths.max(initial=0))
    left = len(lengths) - too_long
    if too_long:
        message = f"{too_long:,} of {len(lengths):,} prompts of data.{key} are longer, up to {longest} tokens, and "
        message += "are left out" if filters else "verl would cut off their beginning"
        remedy = f"raise it to {longest}"
        remedy += "" if filters else ", or leave them out: data.filter_overlong_prompts=true"
        yield finding(config, "data.max_prompt_length", message, remedy, fatal=not (filters and left))
    if filters and too_long and key == "train_files" and left < config.data.train_batch_size:
        message = f"{left:,} training prompts are within data.max_prompt_length={most}, less than one batch"
        yield finding(config, "data.train_batch_size", message, "lower it, or raise data.max_prompt_length")


def rows_left(config: DictConfig) -> int | None:
    """Training prompts that ``data.filter_overlong_prompts`` leaves; None where they cannot be loaded."""
    try:
        lengths = prompt_lengths(config, "train_files")
    except (UnloadableError, OSError):
        return None
    return None if lengths is None else int(np.count_nonzero(lengths <= config.data.max_prompt_length))


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
    if not (folder / "config.json").is_file():
        adapter = (folder / "adapter_config.json").is_file()
        message = "it is a LoRA adapter, without its base model" if adapter else "it has no config.json"
        yield finding(config, key, message, "merge it into its base: peft's merge_and_unload" if adapter else give)
    elif not any(folder.glob("*.safetensors")) and not any(folder.glob("*.bin")):
        yield finding(config, key, "it has no weights (*.safetensors)", "give a complete model directory")
    elif defect := _defect(config.actor_rollout_ref.model, folder):
        yield finding(config, key, defect, "give a complete model directory that transformers loads")
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        remedy = "save the tokenizer there: tokenizer.save_pretrained"
        yield finding(config, key, "it has no tokenizer (tokenizer.json)", remedy)


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
    from safetensors import safe_open

    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, "pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118  it is no mapping
                if len(tensors.get_slice(name).get_shape()) == 1 and not bool(
                    tensors.get_tensor(name).isfinite().all()
                ):
                    return name
    return ""
