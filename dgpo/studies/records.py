"""The files of a study: a folder for each run, like that of a real run, so that `dgpo report` and `compare` read it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from dgpo.errors import UserError, loading
from dgpo.files import draft_of, json_lines, json_object, replace_json, replace_text
from dgpo.losses import Method
from dgpo.studies.contenders import weights_of
from dgpo.studies.facts import LENGTH
from dgpo.studies.policy import HIDDEN
from dgpo.studies.training import GROUP, Run, Setting

Record = dict[str, np.ndarray]
"""Metrics of a run, `(steps,)` each; NaN where a step has no value."""


def folder_of(out: Path, run: Run) -> Path:
    """The folder of a run, such as `out/runs/dgpo-n=2/0.0008-3` for the method dgpo:n=2."""
    return out / "runs" / re.sub(r"[:,]", "-", run.method) / f"{run.rate:g}-{run.seed}"


def claim(out: Path, setting: Setting, losses: Mapping[str, Method]) -> None:
    """Record in `out` the setting of its runs, and what F each loss has.

    Raises:
        UserError: `out` has runs of another setting, or of a loss that has been changed since.
    """
    file, expected = out / "setting.json", asdict(setting)
    saved, weights = json_object(file), {name: weights_of(loss) for name, loss in losses.items()}
    for key in expected if file.exists() else ():
        if saved.get(key) != expected[key]:
            raise UserError(f"--out={out}: its runs have {key}={saved.get(key)}, not {expected[key]}; give another")
    known = saved.get("weights", {})
    for name in weights.keys() & known.keys():
        if not np.allclose(weights[name], known[name], rtol=1e-3):
            raise UserError(f"--methods {name}: its runs in {out} are of another F; delete them, or give another --out")
    replace_json(file, {**expected, "weights": {**known, **weights}})


def metrics_file(out: Path, run: Run) -> Path:
    """The metrics of a run, a file that exists once the run is done."""
    return folder_of(out, run) / "metrics" / "001.jsonl"


def write(out: Path, run: Run, method: Method, setting: Setting, steps: Sequence[dict[str, Any]]) -> None:
    """Save a run that is done: `steps` are its metrics, beginning with those before training."""
    file = metrics_file(out, run)
    file.parent.mkdir(parents=True, exist_ok=True)
    replace_text(folder_of(out, run) / "config.yaml", yaml.safe_dump(config(run, method, setting), sort_keys=False))
    # verl logs the accuracy after a step with that step; here it is known before the next one.
    lines: list[dict[str, Any]] = [{"step": step, "data": {}} for step in range(len(steps))]
    for step, metrics in enumerate(steps):
        for key, value in metrics.items():
            place = step if key.startswith("val-") else step + 1
            if place < len(lines):
                lines[place]["data"][key] = float(f"{value:.6g}")
    replace_text(file, "".join(json.dumps(line) + "\n" for line in lines))


def read(out: Path, run: Run) -> Record:
    """The metrics of a run that is done; UserError where the file is cut off or has been changed."""
    file = metrics_file(out, run)
    with loading("run", str(file), "delete it, and the study makes it again"):
        lines = [line["data"] for _, line in json_lines(file)]
        keys = dict.fromkeys(key for line in lines for key in line)
        return {key: np.array([line.get(key, np.nan) for line in lines], dtype=float) for key in keys}


def config(run: Run, method: Method, setting: Setting) -> dict[str, Any]:
    """The settings under the keys of a real run's config.yaml."""
    own = asdict(method)
    clip = {key: own.pop(key) for key in [*own] if key.startswith("clip_ratio")}
    return {
        "seed": run.seed,
        "algorithm": {"adv_estimator": "grpo"},
        "data": {"train_batch_size": setting.prompts, "max_response_length": LENGTH},
        "trainer": {"total_training_steps": setting.steps},
        "actor_rollout_ref": {
            "model": {"path": f"windowed-{HIDDEN}"},
            "rollout": {"n": GROUP, "val_kwargs": {"temperature": 1.0, "top_p": 1.0, "top_k": -1}},
            "actor": {
                "ppo_epochs": setting.epochs,
                "ppo_mini_batch_size": setting.prompts // setting.updates,
                "optim": {"lr": run.rate},
                "policy_loss": {"loss_mode": method.name, **own},
                **clip,
            },
        },
    }


def base(out: Path, seed: int) -> Path:
    """The file of the initial parameters of a seed."""
    return out / "bases" / f"{seed}.npy"


def keep_bases(out: Path, seeds: Sequence[int], parameters: torch.Tensor) -> None:
    """Save the initial parameters `(R, ...)` of each seed."""
    (out / "bases").mkdir(parents=True, exist_ok=True)
    for seed, row in zip(seeds, parameters.numpy(), strict=True):
        with draft_of(base(out, seed)) as draft, draft.open("wb") as stream:
            np.save(stream, row)
