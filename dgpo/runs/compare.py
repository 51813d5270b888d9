"""Runs side by side, those with equal settings together: which they are, their figures, a table."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dgpo.errors import UserError
from dgpo.evaluation.statistics import corrected, interquartile_mean, paired_difference
from dgpo.files import flatten
from dgpo.runs.metrics import config_of, points, steps_of, training_steps
from dgpo.tables import Table, write_tables

# Metric and format of what is averaged over a run's last training steps.
TRAINING = {
    "reward": ("critic/score/mean", ".3f"),
    "entropy": ("actor/entropy", ".3f"),
    "boundary": ("boundary", "%"),
    "grad norm": ("actor/grad_norm", ".3f"),
}
FIGURES = {
    "steps": ".0f",
    "first": "%",
    "last": "%",
    "best": "%",
    **{name: form for name, (_, form) in TRAINING.items()},
}
# Steps at the end of a run over which training figures are averaged.
TAIL = 10
NOTE = (
    f"first, last, best: validation (%); boundary: tokens (%); training figures: mean of the last {TAIL} steps. Over "
    "several runs the interquartile mean, from 3 on with its 95 % interval (bootstrap over runs)"
)

LOSS = "actor_rollout_ref.actor.policy_loss."
# Hyper-parameters of the loss that its name is shown with.
SHOWN = ("n", "m", "beta1", "beta2", "alpha", "beta", "sigma_base", "one_sided")
# Names, seeds and places, what is logged and kept, how Ray is started, and values that verl copies from other keys.
IGNORED = re.compile(
    r"(run|paper|ray_kwargs|global_profiler|skip|transfer_queue|distillation\.teacher_models)\..*"
    r"|.*\.(profiler|prometheus|trace)\..*"
    r"|(.*\.)?(seed|data_loader_seed|project_name|experiment_name|logger|log_val_generations|default_local_dir"
    r"|default_hdfs_dir|rollout_data_dir|validation_data_dir|resume_mode|resume_from_path|save_freq"
    r"|max_actor_ckpt_to_keep|max_critic_ckpt_to_keep|del_local_ckpt_after_load|checkpoint_callback_class"
    r"|esi_redundant_time|ray_wait_register_center_timeout|num_workers|filter_overlong_prompts_workers"
    r"|rollout_n|prompt_length|response_length|log_prob_max_token_len_per_gpu)"
    r"|actor_rollout_ref\.actor\.use_fused_kernels"
    # A class follows from other keys, and has been renamed since some runs.
    r"|.*\._target_"
)
# Settings that a label holds at most; more are a table of their own.
INLINE = 4

Steps = Mapping[int, Mapping[str, Any]]
Settings = Mapping[str, Any]


def compare_runs(runs: Sequence[Path], out: Path) -> list[Path]:
    """Write compare.md, compare.json, compare.png and compare.svg into ``out``, print the tables. A run that is named
    twice counts once.

    Raises:
        UserError: one of the folders is no run, or ``out`` is no folder.
    """
    from dgpo.runs.plots import draw_comparison

    groups = group([*{run.resolve(): run for run in runs}.values()])
    experiments = [settings for settings, _ in groups]
    members = {label: same for label, (_, same) in zip(labels(experiments), groups, strict=True)}
    histories = {label: [steps_of(run) for run in same] for label, same in members.items()}
    measured = {label: [figures(steps) for steps in several] for label, several in histories.items()}
    tables = [table(measured)]
    if len(groups) > 1:
        tables.append(paired(measured, {label: [seed_of(run) for run in same] for label, same in members.items()}))
    if more := differences(experiments):
        tables.append(more)
    files = write_tables(out / "compare", tables, measured)
    return files + draw_comparison(histories, out / "compare")


def settings_of(run: Path) -> Settings:
    """What may matter in the config of a run, by key; what is null is not there.

    The number behind the last dash of the model's path is left out where it is the seed: each seed of the quick start
    has a model of its own.

    Raises:
        UserError: there is no such config, or no policy loss in it.
    """
    config = config_of(run)
    every = flatten(config)
    if every.get(f"{LOSS}loss_mode") is None:
        raise UserError(f"{run}: its config has no {LOSS}loss_mode; is it a run folder?")
    settings: dict[str, Any] = {}
    for key, value in every.items():
        is_of_no_critic = key.startswith("critic.") and every.get("algorithm.adv_estimator") != "gae"
        is_off = key.startswith(LOSS) and value is False  # as a switch is that another method does not have
        is_ours = str(value).startswith("pkg://dgpo.")
        if value is not None and not (is_of_no_critic or is_off or is_ours or IGNORED.fullmatch(key)):
            settings[key] = value
    model = "actor_rollout_ref.model.path"
    if model in settings:
        settings[model] = re.sub(rf"-{config.get('seed')}$", "", settings[model])
    return settings


def group(runs: Sequence[Path]) -> list[tuple[Settings, list[Path]]]:
    """Runs with equal settings together, in the order in which the first of them came; UserError without a config."""
    groups: list[tuple[Settings, list[Path]]] = []
    for run in runs:
        settings = settings_of(run)
        same = next((members for known, members in groups if known == settings), None)  # 10 is 10.0
        if same is None:
            groups.append((settings, [run]))
        else:
            same.append(run)
    return groups


def differing(experiments: Sequence[Settings]) -> list[str]:
    """Keys in which experiments differ, but for those that `name` shows."""
    named = {LOSS + key for key in (*SHOWN, "loss_mode")}
    keys = dict.fromkeys(key for settings in experiments for key in settings if key not in named)
    return [key for key in keys if any(each.get(key) != experiments[0].get(key) for each in experiments)]


def name(settings: Settings) -> str:
    """The policy loss by its name in verl, with its hyper-parameters, as ``dgpo (n=2, m=2)``."""
    values = [f"{key}={settings[LOSS + key]}" for key in SHOWN if LOSS + key in settings]
    loss = settings[f"{LOSS}loss_mode"]
    return f"{loss} ({', '.join(values)})" if values else loss


def labels(experiments: Sequence[Settings]) -> list[str]:
    """A label for each: its name, and the settings in which they differ; a number where those are too many."""
    keys = differing(experiments)
    if len(keys) > INLINE:
        return [f"[{number}] {name(settings)}" for number, settings in enumerate(experiments, 1)]
    return [
        ", ".join([name(settings), *(f"{_short(key, keys)}={settings[key]}" for key in keys if key in settings)])
        for settings in experiments
    ]


def _short(key: str, others: Sequence[str]) -> str:
    """The end of ``key``, two parts of it or as many as no other has."""
    parts = key.split(".")
    for count in range(2, len(parts)):
        end = ".".join(parts[-count:])
        if not any(other.endswith(f".{end}") for other in others if other != key):
            return end
    return key


def differences(experiments: Sequence[Settings]) -> Table | None:
    """What labels do not hold: a row a key, a column an experiment; None where they hold all."""
    keys = differing(experiments)
    if len(keys) <= INLINE:
        return None
    head = ("setting", *(f"[{number}]" for number in range(1, len(experiments) + 1)))
    return Table(head, [(key, *(str(each.get(key, "–")) for each in experiments)) for key in keys], words=head)


def figures(steps: Steps) -> dict[str, float]:
    """The figures of one run: validation scores, and means over its last `TAIL` training steps; NaN where missing."""
    nan = float("nan")
    scores = [*points(steps, "validation").values()] or [nan]
    tail = dict([*training_steps(steps).items()][-TAIL:])
    means = {name: float(np.mean([*points(tail, key).values()] or [nan])) for name, (key, _) in TRAINING.items()}
    return {"steps": float(max(steps)), "first": scores[0], "last": scores[-1], "best": max(scores), **means}


def table(measured: Mapping[str, Sequence[Mapping[str, float]]]) -> Table:
    """A row an experiment: `figures` over its runs, with intervals where there are enough of them."""
    rows = []
    for label, runs in measured.items():
        cells = [_cell([each[name] for each in runs], form) for name, form in FIGURES.items()]
        rows.append((label, str(len(runs)), *cells))
    return Table(("experiment", "runs", *FIGURES), rows, notes=[NOTE], words=("experiment",))


def _cell(values: list[float], form: str) -> str:
    scale, digits = (100.0, ".2f") if form == "%" else (1.0, form)
    return interquartile_mean(values).text(digits, scale)


def seed_of(run: Path) -> Any:
    """The seed of a run, or the run itself where its config has none: then no other run is paired with it."""
    return config_of(run).get("seed", run)


def paired(measured: Mapping[str, Sequence[Mapping[str, float]]], seeds: Mapping[str, Sequence[Any]]) -> Table:
    """A row an experiment but the first: its last validation (%) minus the first's, over the seeds that both have."""
    last: dict[str, dict[Any, float]] = {}
    for label, runs in measured.items():
        scores: dict[Any, list[float]] = {}
        for seed, each in zip(seeds[label], runs, strict=True):
            scores.setdefault(seed, []).append(100 * each["last"])
        last[label] = {seed: float(np.mean(each)) for seed, each in scores.items()}
    (first, reference), *others = last.items()
    own = list(reference.values())
    deltas = corrected(
        {label: paired_difference([own], [[other.get(seed, np.nan) for seed in reference]]) for label, other in others}
    )
    rows = []
    for label, each in deltas.items():
        count = str(len(reference.keys() & last[label].keys()))
        cells = (each.text("+.2f"), f"{each.p:.2g}", f"{each.improved:.2f}")
        rows.append((label, count, *("–" if "nan" in cell else cell for cell in cells)))
    note = (
        "Points of the last validation, mean over the seeds that both have; its 95 % interval needs 6. q: rate of "
        "false discoveries (sign flips, Benjamini-Hochberg over the rows). better: share of seeds with more"
    )
    return Table(("experiment", "seeds", "difference", "q", "better"), rows, f"Minus {first}", [note], ("experiment",))
