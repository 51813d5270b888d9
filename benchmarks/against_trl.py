"""Samples a second in training: dgpo against TRL's GRPOTrainer, on the quick start's model and problems.

    pip install --no-deps --target trl trl==1.16.0
    python -m benchmarks.against_trl --trl trl --steps 6 --rounds 2 --output benchmarks/results/against_trl.md

`bash recipes/quickstart.sh` makes model and problems. Both draw 8 answers of at most 96 tokens to each of 32 prompts,
at temperature 1 from the whole distribution; grade them by dgpo's verifier; and make 16 updates of 2 prompts by GRPO's
loss in float32. TRL generates by transformers, as it does by default, and dgpo by vLLM. A step is all of that; the
first two are left out. TRL is in the path of its own half alone: verl imports parts of a TRL that it finds, and fails
where one that was installed without its requirements cannot give them.
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import RESULTS, arguments_of, machine, publish
from benchmarks.overhead import WARM_UP, measure
from dgpo.tables import Table
from dgpo.verifier import verify_batch

PROMPTS, ANSWERS, UPDATES, TOKENS = 32, 8, 16, 96
HERE = Path("runs/quickstart")


def reward(completions: list[list[dict[str, str]]], truth: list[str], **_: Any) -> list[float]:
    """1 for a right answer, else 0."""
    return [float(bool(each)) for each in verify_batch([each[0]["content"] for each in completions], truth)]


def measure_trl(steps: int) -> list[float]:
    """Seconds of each step behind the first ones."""
    from datasets import load_dataset
    from transformers import TrainerCallback
    from trl import GRPOConfig, GRPOTrainer  # pyright: ignore[reportMissingImports]

    ends: list[float] = []

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
    model = str(HERE / "model-0")
    trainer = GRPOTrainer(model=model, reward_funcs=reward, args=arguments, train_dataset=problems, callbacks=[Clock()])
    trainer.train()
    return list(np.diff(ends))[WARM_UP - 1 :]


def table(seconds: dict[str, list[list[float]]]) -> Table:
    """Medians over the steps of all rounds, and how many times as fast dgpo is, with the range over rounds."""
    medians = {name: [float(np.median(each)) for each in rounds] for name, rounds in seconds.items()}
    ratios = [theirs / ours for ours, theirs in zip(medians["dgpo"], medians["TRL"], strict=True)]
    rows = []
    for name, values in medians.items():
        per_second = PROMPTS * ANSWERS / np.median(values)
        ratio = f"{np.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})" if name == "dgpo" else "1"
        rows.append((name, f"{np.median(values):.1f}", f"{per_second:.1f}", ratio))
    return Table(("", "seconds a step", "samples a second", "times TRL's (over rounds)"), rows, words=("",))


def main() -> None:
    parser = arguments_of(__doc__, RESULTS / "against_trl.md")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--trl", type=Path, required=True, help="folder that TRL was installed into")
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.trl))
    seconds: dict[str, list[list[float]]] = {"dgpo": [], "TRL": []}
    for turn in range(arguments.rounds):
        found = measure("policy_loss=grpo", Path(f"runs/overhead/trl-{turn}"), arguments.steps, [])
        seconds["dgpo"].append(found["step"])
        seconds["TRL"].append(measure_trl(arguments.steps))
    about = f"{machine()}; {arguments.steps} steps, {arguments.rounds} rounds"
    publish(arguments.output, table(seconds), about=about)


if __name__ == "__main__":
    main()
