"""The model, which transformers must load as it was saved; the prompt files, which verl's own dataset must load and the
chat template render."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from omegaconf import DictConfig, OmegaConf

from dgpo.config.checks.finding import Finding, finding
from dgpo.config.checks.loading import MOST_SAMPLES, UnloadableError, prompt_contents, prompt_lengths
from dgpo.config.checks.registries import agent_loop_names
from dgpo.config.checks.reward import FUNCTION, OURS
from dgpo.config.compose import paths
from dgpo.config.memory.setup import MODEL
from dgpo.data.answers import canonical_answer, text_fault
from dgpo.data.instructions import ELSEWHERE
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
            Finding(f"data.{key}", path, fault, "docs/data.md has the columns")
            for of_key, path, file in prompt_contents(config)
            for fault in file.faults
            if of_key == f"data.{key}"
        ]
        if not paths(config.data[key]):
            faults = [finding(config, f"data.{key}", "it names no file", "give at least one prompt file")]
        faults = faults or [each for each in _refused(config, key) if each not in findings]
        findings += faults
        yield from faults


def repeated(config: DictConfig) -> Iterator[Finding]:
    """No prompt is trained on twice in an epoch, or validated and trained on."""
    tasks = {f"data.{key}": list[int]() for key in MOST_SAMPLES}
    for key, _, file in prompt_contents(config):
        tasks[key] += file.tasks
    trained, validated = tasks.values()
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


def contents(config: DictConfig) -> Iterator[Finding]:
    """The prompts are what their author wrote, and a response with the right answer can earn something: by others
    every response would earn 0."""
    function = config.reward.custom_reward_function
    is_ours = function.path == OURS
    reads_boxes = is_ours and (function.get("reward_kwargs") or {}).get("mode", "boxed") == "boxed"
    for key, path, file in prompt_contents(config):
        faults = file.row_faults(_truth_fault) if is_ours else file.prompt_faults
        if count := sum(count for count, *_ in faults.values()):
            message = f"{faults.lines()[0]}; {count} of {file.rows} rows have a fault"
            yield Finding(key, path, message, "mend them as `dgpo data prepare` does, or drop them", count >= file.rows)
        if reads_boxes and ELSEWHERE in file.warnings:
            message = f"{file.warnings[ELSEWHERE][0]} of {file.rows} prompts {ELSEWHERE}"
            remedy = f"`dgpo data prepare` takes such instructions off; {FUNCTION}.reward_kwargs.mode=extract reads it"
            yield Finding(key, path, message, remedy, fatal=False)


def _truth_fault(truth: str) -> str:
    """What is wrong with a ground truth by which the very answer that it means earns nothing; "" for nothing."""
    if fault := text_fault(truth):
        with contextlib.suppress(TypeError, ValueError):  # what raises means no answer
            return "" if verify(rf"\boxed{{{canonical_answer(truth)}}}", truth) else fault
    return fault


def agent_loops(config: DictConfig) -> Iterator[Finding]:
    """A column ``agent_name`` chooses the loop of a row, whatever the config says."""
    agent = config.actor_rollout_ref.rollout.agent
    for key, path, file in prompt_contents(config):
        with contextlib.suppress(ValueError):  # `registries.registered` says what is wrong with a file of loops
            if others := sorted(file.loops - {agent.default_agent_loop}):
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
