"""Prompts that verl or the chat template refuses, and those that are too long."""

from collections.abc import Iterator

import numpy as np
from omegaconf import DictConfig, OmegaConf

from dgpo.config.checks.finding import Finding
from dgpo.config.checks.loading import UnloadableError, paths, prompt_lengths


def refused(config: DictConfig, key: str) -> Iterator[Finding]:
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
        yield Finding("data.max_prompt_length", most, message, remedy, fatal=not (filters and left))
    if filters and too_long and key == "train_files" and left < (batch := config.data.train_batch_size):
        message = f"{left:,} training prompts are within data.max_prompt_length={most}, less than one batch"
        yield Finding("data.train_batch_size", batch, message, "lower it, or raise data.max_prompt_length")


def rows_left(config: DictConfig) -> int | None:
    """Training prompts that ``data.filter_overlong_prompts`` leaves; None where they cannot be loaded."""
    try:
        lengths = prompt_lengths(config, "train_files")
    except (UnloadableError, OSError):
        return None
    return None if lengths is None else int(np.count_nonzero(lengths <= config.data.max_prompt_length))
