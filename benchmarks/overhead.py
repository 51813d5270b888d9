"""What dgpo's losses and metrics cost a step of training: `policy_loss=grpo` against verl's own `vanilla`, same config.

    python -m benchmarks.overhead --steps 12 --rounds 3 --output benchmarks/results/overhead.md

Both compute the same loss, so that the same batches follow from the same seed. The quick start's config, problems and
model are used (``bash recipes/quickstart.sh`` makes them); each round trains one run of each, and the order changes
from round to round. Of a run the first two steps are left out: they compile and warm up. Overrides for both come last,
such as `data.train_batch_size=8`.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.common import RESULTS, arguments_of, machine, publish
from dgpo.runs.folder import RunFolder
from dgpo.runs.metrics import history
from dgpo.tables import Table

# Without the choice of a loss, the config is verl's own there: PolicyLossConfig with loss_mode vanilla.
LOSSES = {"dgpo, grpo": "policy_loss=grpo", "verl, vanilla": "~policy_loss"}
TIMES = {"step": "timing_s/step", "update": "timing_s/update_actor", "generation": "timing_s/gen"}
WARM_UP = 2


def measure(choice: str, folder: Path, steps: int, overrides: list[str]) -> dict[str, list[float]]:
    """Train once; the seconds of each kind, of each step behind the first ones."""
    shutil.rmtree(folder, ignore_errors=True)
    own = [f"run.dir={folder}", f"run.name={folder.name}", f"trainer.total_training_steps={steps}"]
    own += ["trainer.val_before_train=false", "trainer.test_freq=-1", "trainer.save_freq=-1", "logging=offline"]
    command = [sys.executable, "-m", "dgpo.train", "--config-name", "quickstart", choice, *own, *overrides]
    subprocess.run(command, check=True)
    measured = list(history(RunFolder(folder)).values())[WARM_UP:]
    return {name: [step[key] for step in measured if key in step] for name, key in TIMES.items()}


def table(results: dict[str, list[dict[str, list[float]]]]) -> Table:
    """Medians over the steps of all rounds, and their ratio with the range over rounds."""
    ours, stock = LOSSES
    rows = []
    for name in TIMES:
        medians = {loss: [float(np.median(each[name])) for each in rounds] for loss, rounds in results.items()}
        ratios = [one / other for one, other in zip(medians[ours], medians[stock], strict=True)]
        cells = [f"{np.median(medians[loss]):.3f}" for loss in (ours, stock)]
        rows.append((name, *cells, f"{np.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"))
    return Table(("seconds", *LOSSES, "ratio (over rounds)"), rows, words=("seconds",))


def main() -> None:
    parser = arguments_of(__doc__, RESULTS / "overhead.md")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("overrides", nargs="*")
    arguments = parser.parse_args()
    results: dict[str, list[dict[str, list[float]]]] = {loss: [] for loss in LOSSES}
    for turn in range(arguments.rounds):
        for loss in list(LOSSES)[:: 1 if turn % 2 == 0 else -1]:
            folder = Path("runs/overhead") / f"{loss.split(', ')[1]}-{turn}"
            results[loss].append(measure(LOSSES[loss], folder, arguments.steps, arguments.overrides))
    about = f"{machine()}; {arguments.steps} steps, {arguments.rounds} rounds {' '.join(arguments.overrides)}"
    publish(arguments.output, table(results), about=about.strip())


if __name__ == "__main__":
    main()
