"""What kept groups cost a training step, and how big the page of 500 answers is and how fast it opens.

    python -m benchmarks.rollouts_page        # Debian's chromium for the times of the page

Writes benchmarks/results/rollouts_page.md. Keeping is timed at a 7B run's size: two groups of 16 answers with 8192
tokens, in micro-batches of two, on one rank; what the trainer's process fetches from its storage is not in it.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
import yaml
from tensordict import TensorDict
from verl.utils import tensordict_utils as tu

from benchmarks.common import RESULTS, fastest, publish
from dgpo.runs.kept import ANSWERS, ROWS, TOKENS, thin, write_rows
from dgpo.runs.rollouts import write_rollouts
from dgpo.tables import Table
from dgpo.tasks.small_model import character_tokenizer
from dgpo.training.keeping import KeepingLoss

REPEATS = 5
GROUPS, ANSWERS_EACH, LENGTH = 2, 16, 8192
PAGE_ANSWERS, PAGE_LENGTH = 500, 600


def micro_batch(first: int, last: bool) -> tuple[dict[str, torch.Tensor], TensorDict]:
    """Two kept answers behind a prompt of 100 tokens, as an engine hands them to a loss."""

    def nested(length: int) -> torch.Tensor:
        return torch.nested.as_nested_tensor([-torch.rand(length) for _ in range(2)], layout=torch.jagged)

    columns = {"old_log_probs": nested(LENGTH), "advantages": nested(LENGTH), "prompts": nested(100)}
    columns |= {"responses": nested(LENGTH), "response_mask": nested(LENGTH)}
    data = TensorDict(columns, batch_size=2)
    data["kept"] = torch.tensor([first, first + 1])
    tu.assign_non_tensor(data, update_lr_scheduler=last)
    return {"log_probs": nested(100 + LENGTH)}, data


def keeping_seconds(folder: Path) -> tuple[float, float]:
    """What a rank adds to its losses in a step, and what the trainer's process writes."""
    rows = range(ROWS, ROWS + GROUPS * ANSWERS_EACH)
    batches = [micro_batch(row, row + 2 > rows[-1]) for row in rows[::2]]

    def rank() -> None:
        keeping = KeepingLoss(None, folder)  # pyright: ignore[reportArgumentType]
        for output, data in batches:
            keeping.keep(output, data)

    told = {"group": "g", "answer": "0_0", "prompt": "[]", "said": "{}", "turns": "[]", "staleness": 0}
    floats = np.random.default_rng(0).random(LENGTH).astype(np.float32).tolist()
    answers = [{"row": row, "entropy": floats, "rollout_log_prob": floats, **told} for row in rows]

    def driver() -> None:
        write_rows(folder / "1/groups-0.parquet", answers, ANSWERS)
        thin(folder)

    return fastest(rank, REPEATS), fastest(driver, REPEATS)


def make_run(run: Path) -> Path:
    """A run with `PAGE_ANSWERS` kept answers over ten steps."""
    character_tokenizer().save_pretrained(run / "rollouts/tokenizer")
    actor = {"clip_ratio_low": 0.2, "clip_ratio_high": 0.2, "clip_ratio_c": 3.0, "policy_loss": {"loss_mode": "grpo"}}
    (run / "config.yaml").write_text(yaml.safe_dump({"actor_rollout_ref": {"actor": actor}}))
    generator = np.random.default_rng(0)
    for step in range(1, 11):
        rows = range(step * ROWS, step * ROWS + PAGE_ANSWERS // 10)
        old = {row: -generator.exponential(0.3, PAGE_LENGTH).astype(np.float32) for row in rows}
        tokens = [
            {
                "row": row,
                "token": generator.integers(32, 120, PAGE_LENGTH).tolist(),
                "old_log_prob": old[row].tolist(),
                "log_prob": (old[row] + generator.normal(0, 0.1, PAGE_LENGTH).astype(np.float32)).tolist(),
                "advantage": [float(row % 2) - 0.5] * PAGE_LENGTH,
                "mask": [True] * PAGE_LENGTH,
            }
            for row in rows
        ]
        texts = {"prompt": "[]", "said": "{}", "turns": "[]", "staleness": 0, "score": 0.0}
        told = [{"row": row, "group": f"{row // 10}", "answer": f"{row}", **texts} for row in rows]
        for answer in told:
            answer["entropy"] = [0.1] * PAGE_LENGTH
        write_rows(run / f"rollouts/{step}/groups-0.parquet", told, ANSWERS)
        write_rows(run / f"rollouts/{step}/tokens-0.parquet", tokens, TOKENS)
    return run


def opening_seconds(page: Path) -> float | None:
    """From the start of the navigation until the page has drawn itself, by the browser's own clock."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return None
    timed = page.with_name("timed.html")
    # The page's policy lets no other script run, so the measuring copy does without one.
    probe = "<script>addEventListener('load', () => setTimeout(() => document.title = performance.now()))</script>"
    text = page.read_text()
    policy = text[text.index("<meta http-equiv") : text.index(">", text.index("<meta http-equiv")) + 1]
    timed.write_text(text.replace(policy, "").replace("</body>", probe + "</body>"))
    times = []
    for _ in range(REPEATS):
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", f"file://{timed}"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        times.append(float(done.stdout.split("<title>")[1].split("<")[0]) / 1000)
    return min(times)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        rank, driver = keeping_seconds(Path(place) / "kept")
        kept = sum(file.stat().st_size for file in (Path(place) / "kept").rglob("*.parquet"))
        run = make_run(Path(place) / "run")
        page = run / "rollouts.html"
        writing = fastest(lambda: write_rollouts(run), REPEATS)
        opening, size = opening_seconds(page), page.stat().st_size
    table = Table(
        ("what", "figure"),
        [
            (f"a rank, a step: {GROUPS} groups of {ANSWERS_EACH} answers with {LENGTH} tokens", f"{rank:.2f} s"),
            ("the trainer's process, the same", f"{driver:.2f} s"),
            ("on disk, a step", f"{kept / 2**20:.1f} MiB"),
            (f"page of {PAGE_ANSWERS} answers with {PAGE_LENGTH} tokens", f"{size / 1e6:.1f} MB"),
            ("writing it", f"{writing:.1f} s"),
            ("opening it in Chromium, drawn", "not measured" if opening is None else f"{opening:.2f} s"),
        ],
    )
    publish(RESULTS / "rollouts_page.md", table)
