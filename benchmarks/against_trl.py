"""Samples a second in training: dgpo against TRL's GRPOTrainer, on the quick start's model and problems.

    pip install --no-deps --target runs/trl_package trl==1.16.0
    python -m benchmarks.against_trl --trl runs/trl_package --steps 6 --rounds 3
    dgpo model small --out runs/model-11m --hidden-size 384 --layers 6
    python -m benchmarks.against_trl --trl runs/trl_package --model runs/model-11m --steps 4 --rounds 1 --output ...

`bash recipes/quickstart.sh` makes model and problems. (A folder named `trl` would be taken for the package.) Both draw
8 answers of at most 96 tokens to each of 32 prompts, at temperature 1 from the whole distribution; grade them by dgpo's
verifier; and make 16 updates of 2 prompts by GRPO's loss in float32. TRL generates by transformers, as it does by
default, and dgpo by vLLM. A step is all of that; the first two are left out. TRL is in the path of its own half alone:
verl imports parts of a TRL that it finds, and fails where one that was installed without its requirements cannot give
them.
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import RESULTS, arguments_of, machine, publish
from dgpo.runs.folder import RunFolder
from dgpo.runs.metrics import history
from dgpo.tables import Table
from dgpo.verifier import verify_batch

PROMPTS, ANSWERS, UPDATES, TOKENS = 32, 8, 16, 96
WARM_UP = 2
TIMES = {"step": "timing_s/step", "update": "timing_s/update_actor", "generation": "timing_s/gen"}
COLUMNS = ("", "seconds a step", "generation", "update", "samples a second", "times TRL's (over rounds)")
HERE = Path("runs/quickstart")


def reward(completions: list[list[dict[str, str]]], truth: list[str], **_: Any) -> list[float]:
    """1 for a right answer, else 0."""
    return [float(bool(each)) for each in verify_batch([each[0]["content"] for each in completions], truth)]


def measure_dgpo(model: Path, steps: int, folder: Path) -> dict[str, list[float]]:
    """Train by dgpo; the seconds of each kind, of each step behind the first ones."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "dgpo.cli", "train", "--config-name", "quickstart", "policy_loss=grpo"]
    command += [f"run.dir={folder}", f"run.name={folder.name}", f"trainer.total_training_steps={steps}"]
    command += ["trainer.val_before_train=false", "trainer.test_freq=-1", "trainer.save_freq=-1", "logging=offline"]
    subprocess.run([*command, f"actor_rollout_ref.model.path={model}"], check=True)
    measured = list(history(RunFolder(folder)).values())[WARM_UP:]
    return {name: [step[key] for step in measured if key in step] for name, key in TIMES.items()}


def measure_trl(model: Path, steps: int) -> dict[str, list[float]]:
    """Seconds of each step behind the first ones, and TRL's own time of the generations."""
    from datasets import load_dataset
    from transformers import TrainerCallback
    from trl import GRPOConfig, GRPOTrainer  # pyright: ignore[reportMissingImports]

    ends: list[float] = []
    generations: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step % UPDATES == 0:
                ends.append(time.monotonic())

    rows = load_dataset("parquet", data_files=str(HERE / "data/train.parquet"), split="train")
    problems = rows.map(
        lambda row: {"prompt": row["prompt"], "truth": row["reward_model"]["ground_truth"]},
        remove_columns=rows.column_names,
    )
    batch = PROMPTS * ANSWERS // UPDATES
    arguments = GRPOConfig(
        output_dir="runs/trl",
        max_steps=steps * UPDATES,
        per_device_train_batch_size=batch,
        generation_batch_size=PROMPTS * ANSWERS,
        num_generations=ANSWERS,
        max_completion_length=TOKENS,
        temperature=1.0,
        top_p=1.0,
        top_k=0,
        beta=0.0,
        loss_type="dapo",
        learning_rate=3e-5,
        lr_scheduler_type="constant",
        gradient_checkpointing=False,
        use_cpu=True,
        bf16=False,
        save_strategy="no",
        report_to="none",
        logging_steps=UPDATES,
    )
    trainer = GRPOTrainer(
        model=str(model), reward_funcs=reward, args=arguments, train_dataset=problems, callbacks=[Clock()]
    )
    generate = trainer.model.generate

    def timed(*given: Any, **options: Any) -> Any:
        start = time.monotonic()
        generated = generate(*given, **options)
        generations.append(time.monotonic() - start)
        return generated

    trainer.model.generate = timed
    trainer.train()
    return {"step": list(np.diff(ends))[WARM_UP - 1 :], "generation": generations[WARM_UP:]}


def table(rounds: dict[str, list[dict[str, list[float]]]]) -> Table:
    """Medians over the steps of all rounds, and how many times as fast dgpo is, with the range over rounds."""
    steps = {name: [float(np.median(each["step"])) for each in found] for name, found in rounds.items()}
    ratios = [theirs / ours for ours, theirs in zip(steps["dgpo"], steps["TRL"], strict=True)]
    rows = []
    for name, found in rounds.items():
        medians = {key: np.median([np.median(each[key]) for each in found]) for key in found[0]}
        ratio = f"{np.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})" if name == "dgpo" else "1"
        times = [f"{medians[key]:.1f}" if key in medians else "" for key in ("step", "generation", "update")]
        rows.append((name, *times, f"{PROMPTS * ANSWERS / medians['step']:.1f}", ratio))
    return Table(COLUMNS, rows)


def main() -> None:
    parser = arguments_of(__doc__, RESULTS / "against_trl.md")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--model", type=Path, default=HERE / "model-0", help="folder of the model")
    parser.add_argument("--trl", type=Path, required=True, help="folder that TRL was installed into")
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.trl))
    rounds: dict[str, list[dict[str, list[float]]]] = {"dgpo": [], "TRL": []}
    for turn in range(arguments.rounds):
        rounds["dgpo"].append(measure_dgpo(arguments.model, arguments.steps, Path(f"runs/against_trl/dgpo-{turn}")))
        rounds["TRL"].append(measure_trl(arguments.model, arguments.steps))
    about = f"{machine()}; {arguments.model.name}, {arguments.steps} steps, {arguments.rounds} rounds"
    publish(arguments.output, table(rounds), about=about)


if __name__ == "__main__":
    main()
