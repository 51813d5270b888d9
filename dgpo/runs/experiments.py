"""Which runs are seeds of one experiment, and what tells experiments apart: from the configs that they ran with."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dgpo.runs.figures import ReportError, run_config

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
    r"|esi_redundant_time|ray_wait_register_center_timeout|num_workers|filter_overlong_prompts_workers|token_sample"
    r"|rollout_n|prompt_length|response_length|log_prob_max_token_len_per_gpu)"
    r"|actor_rollout_ref\.actor\.use_fused_kernels"
)
# Settings that a label holds at most; more are a table of their own.
INLINE = 4

Settings = Mapping[str, Any]


def settings_of(run: Path) -> Settings:
    """What may matter in the config of a run, by key; what is null is not there.

    The number behind the last dash of the model's path is left out where it is the seed: each seed of the quick start
    has a model of its own.

    Raises:
        ReportError: there is no such config, or no policy loss in it.
    """
    config = run_config(run)
    settings = {key: value for key, value in _flat(config) if not IGNORED.fullmatch(key) and value is not None}
    if f"{LOSS}loss_mode" not in settings:
        raise ReportError(f"{run}: its config has no {LOSS}loss_mode; is it a run folder?")
    if settings.get("algorithm.adv_estimator") != "gae":
        settings = {key: value for key, value in settings.items() if not key.startswith("critic.")}
    # A switch that one method does not have is, for it, off.
    settings = {key: value for key, value in settings.items() if not (key.startswith(LOSS) and value is False)}
    model = "actor_rollout_ref.model.path"
    if model in settings:
        settings[model] = re.sub(rf"-{config.get('seed')}$", "", settings[model])
    return settings


def _flat(section: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in section.items():
        found += _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else [(f"{prefix}{key}", value)]
    return found


def group(runs: Sequence[Path]) -> list[tuple[Settings, list[Path]]]:
    """Runs with equal settings together, in the order in which the first of them came.

    Raises:
        ReportError: one of them has no config.
    """
    groups: list[tuple[Settings, list[Path]]] = []
    for run in runs:
        settings = settings_of(run)
        same = next((members for known, members in groups if known == settings), None)
        if same is None:
            groups.append((settings, [run]))
        else:
            same.append(run)
    return groups


def differing(experiments: Sequence[Settings]) -> list[str]:
    """Keys in which experiments differ, but for those that `name` shows."""
    named = {LOSS + key for key in (*SHOWN, "loss_mode", "_target_")}
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


def difference_rows(experiments: Sequence[Settings]) -> list[tuple[str, ...]]:
    """What labels do not hold: a header and a row a key, a column an experiment; nothing where they hold all."""
    keys = differing(experiments)
    if len(keys) <= INLINE:
        return []
    header = ("setting", *(f"[{number}]" for number in range(1, len(experiments) + 1)), "")
    return [header, *((key, *(str(each.get(key, "–")) for each in experiments), "") for key in keys)]
