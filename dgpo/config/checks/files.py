"""The model, which transformers must load as it was saved; the prompt files, which verl's own dataset must load and the
chat template render."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from omegaconf import DictConfig, OmegaConf

from dgpo.config.checks.finding import Finding, finding
from dgpo.config.checks.loading import MOST_SAMPLES, UnloadableError, prompt_files, prompt_lengths
from dgpo.config.checks.registries import agent_loop_names
from dgpo.config.checks.reward import FUNCTION, OURS
from dgpo.config.compose import paths
from dgpo.config.memory.setup import MODEL
from dgpo.data.answers import canonical_answer, text_fault
from dgpo.data.damage import backslash_fault
from dgpo.data.instructions import ELSEWHERE, asks_elsewhere
from dgpo.data.schema import Occurrences, check_parquet, name_fault, prompt_rows
from dgpo.model_files import has_tokenizer, is_hub_id, model_fault
from dgpo.verifier import verify


def model(config: DictConfig) -> Iterator[Finding]:
    """The model directory holds a config, weights and a tokenizer."""
    key, section = f"{MODEL}.path", config.actor_rollout_ref.model
    folder, trusted = Path(section.path).expanduser(), bool(section.trust_remote_code)
    if is_hub_id(section.path):
        message = "there is no such directory, so it will be downloaded by every node"
        yield finding(config, key, message, "download it first and give the local directory", fatal=False)
    elif not folder.is_dir():
        yield finding(config, key, "there is no such directory", "give a Hugging Face model directory")
    elif fault := model_fault(folder, config=section.get("hf_config_path") or "", trusted=trusted):
        yield finding(config, key, *fault)
    elif (given := section.tokenizer_path) and Path(given).is_dir() and not has_tokenizer(given):
        yield finding(config, f"{MODEL}.tokenizer_path", "it holds no tokenizer", "leave it out, or correct the path")


def datasets(config: DictConfig) -> Iterator[Finding]:
    """Every prompt file is there and holds what training reads, in a form that verl loads."""
    findings: list[Finding] = []
    for key in MOST_SAMPLES:
        faults = [
            Finding(f"data.{key}", path, message.removeprefix(f"{file}: "), "docs/data.md has the columns")
            for path in paths(config.data[key])
            for file in [Path(path)]
            for message in name_fault(file) or check_parquet(file, config.data.prompt_key)
        ]
        if not paths(config.data[key]):
            faults = [finding(config, f"data.{key}", "it names no file", "give at least one prompt file")]
        faults = faults or [each for each in _refused(config, key) if each not in findings]
        findings += faults
        yield from faults


def repeated(config: DictConfig) -> Iterator[Finding]:
    """No prompt is trained on twice in an epoch, or validated and trained on."""
    trained, validated = (_tasks(config, key) for key in MOST_SAMPLES)
    if repeats := len(trained) - len(set(trained)):
        message = f"{repeats} of its {len(trained)} prompts repeat another: they come as often in an epoch"
        message += ", and share a counter" if config.get("rollouts") else ""
        remedy = "name each file once, and prepare the files together, so that copies become one"
        yield Finding("data.train_files", ", ".join(paths(config.data.train_files)), message, remedy, fatal=False)
    known = set(trained)
    if both := sum(task in known for task in validated):
        message = f"{both} of its {len(validated)} prompts are trained on too, and say nothing of others"
        remedy = "name a file of other prompts; `dgpo data prepare --decontaminate` takes these out of the training's"
        yield Finding("data.val_files", ", ".join(paths(config.data.val_files)), message, remedy, fatal=False)


def _rows(path: str, *columns: str) -> Iterator[dict[str, Any]]:
    """The rows of a prompt file; none of one that cannot be read, of which `datasets` tells."""
    with contextlib.suppress(OSError, pa.ArrowException):
        yield from prompt_rows(path, columns)


def _tasks(config: DictConfig, key: str) -> list[int]:
    """A mark of what each row of ``data.<key>`` asks: its prompt, the answer, and for an agent the environment."""
    tasks, prompt_key = list[int](), config.data.prompt_key
    for path in paths(config.data[key]):
        for row in _rows(path, prompt_key, "reward_model", "extra_info"):
            info = row.get("extra_info")
            environment = info.get("env") if isinstance(info, dict) else None
            tasks.append(hash(str((row.get(prompt_key), row.get("reward_model"), environment))))
    return tasks


def contents(config: DictConfig) -> Iterator[Finding]:
    """The prompts are what their author wrote, and a response with the right answer can earn something: by others
    every response would earn 0."""
    function = config.reward.custom_reward_function
    is_ours = function.path == OURS
    reads_boxes = is_ours and (function.get("reward_kwargs") or {}).get("mode", "boxed") == "boxed"
    for key, path in prompt_files(config):
        met, faults, rows, elsewhere = Occurrences(), Occurrences(), 0, 0
        for rows, row in enumerate(_rows(path, config.data.prompt_key, "reward_model"), start=1):
            messages = row.get(config.data.prompt_key) or ()
            texts = [str(each.get("content")) for each in messages if isinstance(each, dict)]
            elsewhere += reads_boxes and asks_elsewhere(" ".join(texts))
            if fault := backslash_fault(" ".join(texts), is_answer=False):
                faults.add(f"the prompt {fault}", rows - 1)
            match row.get("reward_model"):
                case {"ground_truth": str(truth)} if is_ours:
                    met.add(truth, rows - 1)
        for truth, occurrences in met.items():
            if fault := _truth_fault(truth):
                faults[f"the ground truth {truth!r:.80} {fault}"] = occurrences
        if count := sum(count for count, *_ in faults.values()):
            message = f"{faults.lines()[0]}; {count} of {rows} rows have a fault"
            yield Finding(key, path, message, "mend them as `dgpo data prepare` does, or drop them", count >= rows)
        if elsewhere:
            remedy = f"`dgpo data prepare` takes such instructions off; {FUNCTION}.reward_kwargs.mode=extract reads it"
            yield Finding(key, path, f"{elsewhere} of {rows} prompts {ELSEWHERE}", remedy, fatal=False)


def _truth_fault(truth: str) -> str:
    """What is wrong with a ground truth by which the very answer that it means earns nothing; "" for nothing."""
    if fault := text_fault(truth):
        with contextlib.suppress(TypeError, ValueError):  # what raises means no answer
            return "" if verify(rf"\boxed{{{canonical_answer(truth)}}}", truth) else fault
    return fault


def agent_loops(config: DictConfig) -> Iterator[Finding]:
    """A column ``agent_name`` chooses the loop of a row, whatever the config says."""
    agent = config.actor_rollout_ref.rollout.agent
    for key, path in prompt_files(config):
        with contextlib.suppress(ValueError):  # `registries.registered` says what is wrong with a file of loops
            names = {row["agent_name"] for row in _rows(path, "agent_name")}
            if others := sorted(map(str, names - {agent.default_agent_loop})):
                known = agent_loop_names(agent.agent_loop_config_path)
                message = f"its column agent_name asks for {', '.join(others)}, not {agent.default_agent_loop}"
                remedy = f"drop the column, or use one of {', '.join(sorted(known))}"
                yield Finding(key, path, message, remedy, fatal=not known >= set(others))


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
