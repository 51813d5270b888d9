"""Runs side by side, those with equal settings together: which they are, their figures, a table."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dgpo.errors import UserError
from dgpo.evaluation.statistics import corrected, interquartile_mean, paired_difference
from dgpo.files import differing, file_sha256, flatten
from dgpo.progress import say
from dgpo.runs.folder import RunFolder
from dgpo.runs.metrics import config_of, points, steps_of, training_steps
from dgpo.tables import Table, settings_table, write_tables

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
NAMED = {LOSS + key for key in (*SHOWN, "loss_mode")}
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
    twice, or copied, counts once.

    Raises:
        UserError: one of the folders is no run, or ``out`` is no folder.
    """
    from dgpo.runs.plots import draw_comparison

    distinct: dict[str, Path] = {}
    for run in runs:
        if (first := distinct.setdefault(recorded(run), run)).resolve() != run.resolve():
            say(f"{run} is a copy of {first}, and counts once with it")
    groups = group([*distinct.values()])
    experiments = [settings for settings, _ in groups]
    keys = [key for key in differing(experiments) if key not in NAMED]
    members = {label: same for label, (_, same) in zip(labels(experiments, keys), groups, strict=True)}
    histories = {label: [steps_of(run) for run in same] for label, same in members.items()}
    measured = {label: [figures(steps) for steps in several] for label, several in histories.items()}
    tables = [table(measured)]
    if len(groups) > 1:
        tables.append(paired(measured, {label: [seed_of(run) for run in same] for label, same in members.items()}))
    if len(keys) > INLINE:
        numbered = {f"[{number}]": settings for number, settings in enumerate(experiments, 1)}
        tables.append(settings_table(numbered, keys=keys))
    files = write_tables(out / "compare", tables, measured)
    return files + draw_comparison(histories, out / "compare")


def recorded(run: Path) -> str:
    """What tells a run from every other, and not from a copy of it: its config and its metrics."""
    folder = RunFolder(run)
    files = [file for file in (folder.config, *folder.metrics_files()) if file.is_file()]
    return " ".join(map(file_sha256, files)) or str(folder.path)


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


def name(settings: Settings) -> str:
    """The policy loss by its name in verl, with its hyper-parameters, as ``dgpo (n=2, m=2)``."""
    values = [f"{key}={settings[LOSS + key]}" for key in SHOWN if LOSS + key in settings]
    loss = settings[f"{LOSS}loss_mode"]
    return f"{loss} ({', '.join(values)})" if values else loss


def labels(experiments: Sequence[Settings], keys: Sequence[str]) -> list[str]:
    """A label for each: its name, and its settings of these keys; a number where those are too many."""
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
    return Table(("experiment", "runs", *FIGURES), rows, notes=[NOTE])


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
