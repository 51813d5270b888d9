"""Keeps some whole prompt groups of each step for `dgpo rollouts`. The trainer's process draws them and writes texts
and verdicts; the actor's ranks write what the loss got for each token. If writing fails, training goes on.

The field ``kept`` of each sample marks the chosen ones: the answer's row in `runs.kept`, or -1.
"""

import json
import os
import random
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import torch
import transfer_queue as tq
from tensordict import TensorDict
from transfer_queue import KVBatchMeta
from verl.utils import tensordict_utils as tu
from verl.utils.config import omega_conf_to_dataclass
from verl.workers.config import ActorConfig
from verl.workers.utils.losses import ppo_loss
from verl.workers.utils.padding import no_padding_2_padding

from dgpo.batch import padding_of, split_key, values_of
from dgpo.errors import UserError
from dgpo.runs.folder import RunFolder
from dgpo.runs.kept import ANSWERS, ROWS, TOKENS, thin, write_rows

FIELD = "kept"


class KeepingLoss:
    """verl's `ppo_loss`, which also writes the tokens of kept answers, one file for each rank and step."""

    def __init__(self, config: ActorConfig, folder: Path):
        self.config, self.folder = config, folder
        self._rows: dict[int, dict[str, Any]] = {}
        self._written = 0

    def __call__(self, model_output: dict[str, Any], data: TensorDict, dp_group: Any = None) -> Any:
        result = ppo_loss(self.config, model_output, data, dp_group)
        self.keep(model_output, data)
        return result

    def keep(self, model_output: dict[str, Any], data: TensorDict) -> None:
        """Collect the marked answers of a micro-batch; in the last update of a step, write those of the step."""
        rows = data[FIELD].tolist() if FIELD in data else []
        if any(row >= 0 for row in rows):
            self._take(rows, no_padding_2_padding(model_output["log_probs"], data), data)
        # Only in the step's last update, so that the file is written once.
        if tu.get(data, key="update_lr_scheduler", default=False) and self._written < len(self._rows):
            self._write()

    def _take(self, rows: list[int], log_prob: torch.Tensor, data: TensorDict) -> None:
        chosen = [i for i, row in enumerate(rows) if row >= 0]
        if self._rows and rows[chosen[0]] // ROWS != next(iter(self._rows)) // ROWS:
            self._rows, self._written = {}, 0
        for i in chosen:
            columns = {
                "token": data["responses"][i],
                "old_log_prob": data["old_log_probs"][i],
                "advantage": data["advantages"][i],
                "mask": data["response_mask"][i],
            }
            length = len(columns["token"])
            columns["log_prob"] = log_prob[i, :length]
            columns["mask"] = columns["mask"].bool()
            self._rows[rows[i]] = {"row": rows[i]} | {
                name: column.detach()[:length].cpu().tolist() for name, column in columns.items()
            }

    def _write(self) -> None:
        self._written = len(self._rows)
        step = next(iter(self._rows)) // ROWS
        file = self.folder / str(step) / f"tokens-{os.environ.get('RANK', 0)}.parquet"
        try:
            write_rows(file, list(self._rows.values()), TOKENS)
        except (OSError, UserError) as error:
            print(f"warning: the groups of step {step} are not kept: {error}", file=sys.stderr)


def keep_groups(trainer: Any, count: int) -> None:
    """Have ``trainer``, in any mode, keep ``count`` prompt groups of each step, drawn at random."""
    folder = RunFolder(os.environ["DGPO_RUN_DIR"]).rollouts
    actor: Any = omega_conf_to_dataclass(trainer.config.actor_rollout_ref.actor)
    trainer.actor_rollout_wg.set_loss_fn(KeepingLoss(actor, folder))
    try:
        trainer.tokenizer.save_pretrained(folder / "tokenizer")
    except OSError as error:
        print(f"warning: {folder}: the tokenizer cannot be kept: {error}", file=sys.stderr)
    compute_advantage = trainer._compute_advantage

    def keeping(batch: KVBatchMeta, metrics: dict[str, Any]) -> KVBatchMeta:
        batch = compute_advantage(batch, metrics)
        started = time.perf_counter()
        part, parts = trainer.local_trigger_step, trainer.parameter_sync_step
        share = count * (part + 1) // parts - count * part // parts
        chosen = choose(batch, share, f"{trainer.config.seed}/{trainer.global_steps}/{part}")
        first = trainer.global_steps * ROWS + part * (ROWS // parts)
        rows = {key: first + i for i, key in enumerate(chosen)}
        if rows:
            try:
                file = folder / str(trainer.global_steps) / f"groups-{part}.parquet"
                answer_rows = answers(trainer, batch, rows)
                write_rows(file, answer_rows, ANSWERS)
                thin(folder)
                if trainer.config.run.log_rollouts:
                    log_table(answer_rows, trainer.global_steps)
            except Exception:
                # Odd data, or odd results of a reward function, must not end the run.
                traceback.print_exc()
                print(f"warning: the groups of step {trainer.global_steps} are not kept", file=sys.stderr)
                rows = {}
        marks = torch.tensor([rows.get(key, -1) for key in batch.keys])
        fields = TensorDict({FIELD: marks}, batch_size=len(batch))
        batch = tq.kv_batch_put(keys=batch.keys, partition_id=str(batch.partition_id), fields=fields)
        metrics["timing_s/keep_rollouts"] = time.perf_counter() - started
        return batch

    trainer._compute_advantage = keeping


def log_table(answer_rows: list[dict[str, Any]], step: int) -> None:
    """Put texts and verdicts into the W&B run of this process, as the table ``rollouts``."""
    import wandb

    columns = ["group", "answer", "prompt", "text", "ground_truth", "score", "said", "staleness"]
    data = [[row[name] for name in columns] for row in answer_rows]
    wandb.log({"rollouts": wandb.Table(columns=["step", *columns], data=[[step, *row] for row in data])}, step=step)


def choose(batch: KVBatchMeta, count: int, seed: str) -> list[str]:
    """The keys of the answers to ``count`` prompts drawn at random, group by group."""
    groups: dict[str, list[str]] = {}
    for key, padding in zip(batch.keys, padding_of(batch.tags), strict=True):
        if not padding:
            groups.setdefault(split_key(key)[0], []).append(key)
    names = random.Random(seed).sample(sorted(groups), min(count, len(groups)))
    return [key for name in names for key in sorted(groups[name], key=lambda key: [*map(int, split_key(key)[1:])])]


def answers(trainer: Any, batch: KVBatchMeta, rows: dict[str, int]) -> list[dict[str, Any]]:
    """Rows of `ANSWERS` for the keys of ``rows``."""
    fields = ["prompts", "raw_prompt", "reward_model", "data_source", "extra_fields", "rm_scores"]
    fields += ["responses", "entropy", "rollout_log_probs"]
    data = tq.kv_batch_get(keys=list(rows), partition_id=str(batch.partition_id), select_fields=fields)
    tags = dict(zip(batch.keys, batch.tags, strict=True))
    columns = {name: values_of(data[name]) for name in fields if name in data}
    answers_kept = []
    for i, (key, row) in enumerate(rows.items()):
        value: dict[str, Any] = {name: column[i] for name, column in columns.items()}
        group, session, output = split_key(key)
        extra = value.get("extra_fields") or {}
        prompt = value.get("raw_prompt")
        if prompt is None:
            prompt = trainer.tokenizer.decode(value["prompts"])
        gold = (value.get("reward_model") or {}).get("ground_truth")
        written_by = tags[key].get("min_global_steps")
        answers_kept.append(
            {
                "row": row,
                "group": group,
                "answer": f"{session}_{output}",
                "prompt": _json([{"role": "", "content": prompt}] if isinstance(prompt, str) else list(prompt)),
                "text": trainer.tokenizer.decode(value["responses"]),
                "ground_truth": None if gold is None else str(gold),
                "data_source": value.get("data_source"),
                "score": float(value["rm_scores"].sum()) if "rm_scores" in value else None,
                "said": _json(extra.get("reward_extra_info") or {}),
                "turns": _json(extra.get("turns") or []),
                "staleness": 0 if written_by is None else max(0, trainer.global_steps - 1 - int(written_by)),
                "entropy": _floats(value.get("entropy")),
                "rollout_log_prob": _floats(value.get("rollout_log_probs")),
            }
        )
    return answers_kept


def _floats(column: torch.Tensor | None) -> list[float] | None:
    return None if column is None else column.float().tolist()


def _json(content: Any) -> str:
    """In ASCII: a lone surrogate of a model's output is no UTF-8."""
    return json.dumps(content, default=lambda value: value.item() if hasattr(value, "item") else str(value))
