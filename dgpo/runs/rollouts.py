"""The groups that a run has kept, as one HTML page or in the terminal."""

import base64
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.text import Text

from dgpo.errors import UserError
from dgpo.losses import METHODS, gradient_weight
from dgpo.losses.base import Method, configured
from dgpo.runs.folder import RunFolder
from dgpo.runs.html import (
    as_text,
    clipped,
    first_fitting,
    question_of,
    shown_answer,
    shown_group,
    verdict_sentence,
    write_page,
)
from dgpo.runs.kept import KeptAnswer, Pieces, kept_steps, read_step
from dgpo.runs.metrics import config_of, history, points
from dgpo.runs.token_weights import method_of
from dgpo.verifier.files.tally import printable

ANSWER_TOKENS = 32_768
UP, DOWN = (200, 95, 15), (35, 105, 190)
TERMINAL_TOKENS = 2000
"""Of an answer that are shown in a terminal."""
DRAWN = ("dgpo", "grpo", "cispo", "gppo", "ce_gppo", "aspo", "maspo", "sapo")
"""Methods that the page's own script computes."""
CURVES = (
    ("training reward", "", 1, "critic/score/mean"),
    ("held-out score", "", 1, "validation"),
    ("entropy", "nats", 1, "actor/entropy"),
    ("tokens at the boundaries", "%", 100, "boundary"),
)
"""Title, unit, factor and metric of the page's curves."""


def write_rollouts(
    run: Path, out: Path | None = None, *, step: int | None = None, prompt: str | None = None, limit: int = 500
) -> Path:
    """Write the page, ``rollouts.html`` in the run's folder where ``out`` is None; the file. UserError where there is
    nothing to show, or the page cannot be written.

    Args:
        step: of this step alone; None spreads what fits over the steps that were kept.
        prompt: groups whose prompt has this text.
        limit: answers at most.
    """
    return write_page(out or run / "rollouts.html", page_data(run, step=step, prompt=prompt, limit=limit))


def page_data(run: Path, *, step: int | None, prompt: str | None, limit: int) -> dict[str, Any]:
    """What the page's script draws."""
    folder = RunFolder(run)
    config = config_of(run)
    kept = select_groups(run, step=step, prompt=prompt)
    first = next(kept)  # before the tokenizer is asked for, which is not there where nothing was kept
    pieces, mode = Pieces(folder.rollouts / "tokenizer"), _verifier_mode(config)
    built = (group_data(each[:limit], pieces, mode) for each in chain([first], kept))
    groups, complete = first_fitting(built, limit)
    steps, answers = sorted({each["step"] for each in groups}), sum(len(each["answers"]) for each in groups)
    method, methods, note = _methods(config)
    notes = [note] if note else []
    if not complete:
        notes.append(
            f"More was kept than fits: {len(groups)} groups are here. --step, --prompt and --limit choose others."
        )
    trained = f"trained by {method}" + (f" ({_settings(methods[method])})" if method in methods else "")
    return {
        "kind": "run",
        "name": folder.path.name,
        "summary": f"{trained}, {len(groups)} groups with {answers} answers of {len(steps)} steps",
        "note": " ".join(notes),
        "method": method,
        "shown": method if method in methods else "dgpo",
        "methods": methods,
        "curves": _curves(folder),
        "steps": [{"step": step, "groups": [each for each in groups if each["step"] == step]} for step in steps],
    }


def select_groups(run: Path, *, step: int | None, prompt: str | None) -> Iterator[list[KeptAnswer]]:
    """Groups with a text in their prompt, of one step or of all as `evenly_spread`; UserError where there is none."""
    step_folders = kept_steps(RunFolder(run).rollouts)
    if not step_folders:
        raise UserError(f"{run}: it has kept no groups; train with run.keep_rollouts=2")
    if step is not None and step not in step_folders:
        near = sorted(step_folders, key=lambda each: abs(each - step))[:5]
        raise UserError(
            f"--step {step}: no groups were kept of it; the nearest are {', '.join(map(str, sorted(near)))}"
        )
    is_any = False
    for each in [step] if step is not None else evenly_spread(sorted(step_folders)):
        groups: dict[str, list[KeptAnswer]] = {}
        for answer in read_step(step_folders[each]):
            if prompt is None or prompt.lower() in question_of(answer.prompt).lower():
                groups.setdefault(answer.group, []).append(answer)
        is_any = is_any or bool(groups)
        yield from groups.values()
    if not is_any:
        condition = "" if prompt is None else f" with the prompt {prompt!r}"
        raise UserError(f"{run}: there is no group{condition} that an update has seen; leave out --prompt or --step")


def evenly_spread(steps: Sequence[int]) -> list[int]:
    """Steps in the order last, first, middle, quarters and so on: any beginning of it covers the run evenly."""
    order = [len(steps) - 1, 0]
    stride = len(steps)
    while stride > 1:
        order += range(stride // 2, len(steps), stride)
        stride = (stride + 1) // 2
    return [steps[i] for i in dict.fromkeys(order + list(range(len(steps))))]


def group_data(answers: Sequence[KeptAnswer], pieces: Pieces, mode: str | None) -> dict[str, Any]:
    """What the page's script draws of a group; ``mode`` is the verifier's, or None for another judge."""
    first = answers[0]
    lengths = sorted(len(each.token) for each in answers)
    tokens = f"{lengths[0]} to {lengths[-1]}" if lengths[0] < lengths[-1] else str(lengths[0])
    shown = [_answer(each, pieces, mode) | {"episode": _episode(each, answers)} for each in answers]
    more = {"step": first.step, "source": first.data_source, "summary": f"{tokens} tokens"}
    return shown_group(first.prompt, first.ground_truth, shown, **more)


def _episode(answer: KeptAnswer, group: Sequence[KeptAnswer]) -> str:
    """For an agent whose episodes are several sequences, which part of which episode this is; else ""."""
    session, _, part = answer.answer.partition("_")
    parts = sum(each.answer.partition("_")[0] == session for each in group)
    return f"episode {session}, part {int(part) + 1} of {parts}" if parts > 1 and part.isdecimal() else ""


def _answer(answer: KeptAnswer, pieces: Pieces, mode: str | None) -> dict[str, Any]:
    cut = slice(0, ANSWER_TOKENS)
    # Thousandths of a nat.
    nats = None if answer.entropy is None else np.nan_to_num(1000 * answer.entropy[cut]).clip(0, 65535).round()
    constant = len(answer.advantage) and bool((answer.advantage == answer.advantage[0]).all())
    first = float(answer.advantage[0]) if len(answer.advantage) else 0.0
    # Another reward function may say anything there.
    is_right = _number(answer.said.get("acc", answer.score))
    return shown_answer(
        answer.said,
        pieces.text(answer.token.tolist()),
        answer.ground_truth,
        mode,
        right=None if is_right is None else is_right >= 0.5,
        score=_number(answer.score),
        truncated=str(answer.said.get("truncated", "0")) == "1",
        staleness=answer.staleness,
        turns=[_turn(turn) for turn in answer.turns],
        length=len(answer.token),
        cut=max(0, len(answer.token) - ANSWER_TOKENS),
        pieces=pieces.of(answer.token[cut].tolist()),
        old_log_prob=_base64(answer.old_log_prob[cut], np.float32),
        log_prob=_base64(answer.log_prob[cut], np.float32),
        advantage=first if constant else _base64(answer.advantage[cut], np.float32),
        advantage_text=f"{first:+.3f}".replace("-", "−") if constant else "differs by token",
        unmasked=np.flatnonzero(~answer.mask[cut]).tolist(),
        entropy=None if nats is None else _base64(nats, np.uint16),
    )


def _turn(turn: Mapping[str, Any]) -> dict[str, Any]:
    observation = turn.get("observation")
    return {
        "start": int(turn["start"]),
        "reward": _number(turn.get("reward")),
        "observation": None if observation is None else clipped(as_text(observation)),
        "valid": turn.get("valid") is not False,
    }


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and np.isfinite(value) else None


def _base64(column: np.ndarray, kind: type) -> str:
    return base64.b64encode(np.ascontiguousarray(column, np.dtype(kind).newbyteorder("<")).tobytes()).decode()


def _methods(config: Mapping[str, Any]) -> tuple[str, dict[str, dict[str, Any]], str]:
    """The run's method, the hyper-parameters of each (the run's, and defaults with its clip range), and a note."""
    own, actor = method_of(config), config["actor_rollout_ref"]["actor"]
    name = own.name if own else str(actor["policy_loss"]["loss_mode"])
    bounds = {key: getattr(own or configured(Method, actor), key) for key in ("clip_ratio_low", "clip_ratio_high")}
    methods = {each: asdict(METHODS[each](**bounds)) for each in DRAWN}
    if own and name in methods:
        return name, methods | {name: asdict(own)}, ""
    return name, methods, f"The run was trained by {name}, whose F is not computed here: this is what others would do."


def _settings(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items() if value is not None)


def _curves(folder: RunFolder) -> list[dict[str, Any]]:
    steps, curves = history(folder), []
    for title, unit, scale, key in CURVES:
        line = [(step, scale * float(value)) for step, value in points(steps, key).items() if np.isfinite(value)]
        if line:
            curves.append({"title": title, "unit": unit, "points": line})
    return curves


def _verifier_mode(config: Mapping[str, Any]) -> str | None:
    """The mode of the run's verifier; None where another reward function judged."""
    function = (config.get("reward") or {}).get("custom_reward_function") or {}
    is_ours = function.get("path") == "pkg://dgpo.rewards.verl"
    return (function.get("reward_kwargs") or {}).get("mode", "boxed") if is_ours else None


def show_group(run: Path, *, step: int | None, prompt: str | None, limit: int, console: Console | None = None) -> None:
    """Print the first group that suits, with at most ``limit`` answers; UserError where there is none."""
    console = console or Console(width=None if sys.stdout.isatty() else 120)
    group = next(select_groups(run, step=step, prompt=prompt))
    method = method_of(config_of(run)) or METHODS["dgpo"]()
    pieces = Pieces(RunFolder(run).rollouts / "tokenizer")
    first = group[0]
    console.print(Text(f"step {first.step}, {len(group)} answers, A·F of {method.name}", style="bold"))
    for message in first.prompt:
        console.print(Text(printable(str(message.get("content", "")), 4000), style="dim"))
    pushes = [push(each, method) for each in group]
    scale = max((float(np.quantile(np.abs(each), 0.995)) for each in pushes if len(each)), default=0.0) or 1.0
    for answer, values in list(zip(group, pushes, strict=True))[:limit]:
        score = "" if answer.score is None else f", reward {answer.score:g}"
        advantage = f"A {answer.advantage[0]:+.3f}, " if len(answer.advantage) else ""
        head = f"{advantage}{len(answer.token)} tokens{score}: {verdict_sentence(answer.said, answer.ground_truth)}"
        console.rule()
        console.print(Text(printable(head, 1000)))
        console.print(coloured(pieces.of(answer.token[:TERMINAL_TOKENS].tolist()), values / scale))
    console.print(legend(scale))


def push(answer: KeptAnswer, method: Method) -> np.ndarray:
    """A·F of each token, `(T,)`; zero where the loss ignores it."""
    ratio, old = torch.from_numpy(answer.log_prob - answer.old_log_prob), torch.from_numpy(answer.old_log_prob)
    f = gradient_weight(method, ratio, torch.from_numpy(answer.advantage), old)
    return np.where(answer.mask, answer.advantage * f.numpy(), 0.0)


def coloured(texts: Sequence[str], shares: np.ndarray) -> Text:
    """Texts on colours for shares in [-1, 1]: blue below 0, orange above."""
    coloured_text = Text()
    for text, share in zip(texts, shares, strict=False):
        colour = [round(min(abs(float(share)), 1.0) * part) for part in (UP if share > 0 else DOWN)]
        lines = "↵\n".join(printable(line, 200) for line in text.split("\n"))
        coloured_text.append(lines, style="on #{:02x}{:02x}{:02x}".format(*colour) if any(colour) else "")
    return coloured_text


def legend(scale: float) -> Text:
    """The scale, with its ends in numbers."""
    shares = np.linspace(-1, 1, 21)
    return Text.assemble(f"\nless likely −{scale:.3g} ", coloured([" "] * 21, shares), f" {scale:.3g} more likely")
