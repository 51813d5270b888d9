"""Rollouts in verl's trainer: the loop that asks for an answer, and a manager of loops that allocates and counts them.

`AllocatingManager` sees the batch that a step submits, whole and in the trainer's process, and puts verl's own
``__rollout_n__`` into each row. Rewards are given where an answer is made, with the row of its prompt, so that none can
reach another prompt.
"""

import logging
from collections import defaultdict
from pathlib import Path
from typing import Any

import transfer_queue as tq
from tensordict import TensorDict
from transfer_queue import KVBatchMeta
from verl.experimental.agent_loop.agent_loop import AgentLoopOutput
from verl.experimental.agent_loop.single_turn_agent_loop import SingleTurnAgentLoop
from verl.trainer.ppo.v1 import AgentLoopManagerTQ
from verl.utils import tensordict_utils as tu

from dgpo.batch import padding_of, split_key, values_of
from dgpo.errors import UserError
from dgpo.rollouts.allocation import AllocationSettings, allocate, allocation_metrics
from dgpo.rollouts.success import COUNTS, SuccessCounts, prompt_key

KEY = "prompt_key"
"""The field of a sample that holds its `prompt_key`."""

log = logging.getLogger(__name__)


def finished_tokens(config: Any) -> dict[str, Any]:
    """Sampling parameters by which vLLM's server returns what verl reads: the finished answer, in tokens.

    By default it makes the text, and an output after each token, of all answers in one process; that bounds an engine's
    tokens a second (benchmarks/results/rollout_server.md).
    """
    from vllm.sampling_params import RequestOutputKind  # in the processes that ask an engine only

    asked: dict[str, Any] = {"detokenize": False}
    if config.trainer.v1.trainer_mode == "sync":
        # The other modes interrupt answers, for which verl waits until each has given its first output.
        asked["output_kind"] = RequestOutputKind.FINAL_ONLY
    return asked


class SingleTurnLoop(SingleTurnAgentLoop):
    """verl's loop for one answer to a prompt, asking for `finished_tokens`."""

    async def run(self, sampling_params: dict[str, Any], **row: Any) -> AgentLoopOutput:
        asked = {**sampling_params, **finished_tokens(self.config)}
        return await super().run(asked, **row)  # pyright: ignore[reportAbstractUsage]  (its decorator hides the body)


class AllocatingManager(AgentLoopManagerTQ):
    """verl's manager, by `allocate`; on resume with the counts of the checkpoint.

    Attributes:
        counts: of the run. They grow by `observe` alone.
    """

    def __init__(self, config: Any, *args: Any, **kwargs: Any):
        super().__init__(config, *args, **kwargs)
        self.settings = AllocationSettings.of(config)
        self.counts = SuccessCounts(self.settings.forget)
        self._allocated: tuple[list[float | None], list[int]] = ([], [])
        if config.trainer.resume_mode == "resume_path":
            file = Path(config.trainer.resume_from_path) / COUNTS
            if file.exists():
                self.counts.load(file)
            else:
                log.warning("%s is not there: the rollouts begin uniform", file)

    def generate_sequences(self, prompts: TensorDict) -> None:
        """Submit prompts: the training's with ``rollout.n`` answers each on average, a validation's as they are."""
        if "validate" not in prompts or not prompts["validate"]:
            contents = zip(
                *(_column(prompts, name) for name in ("data_source", "raw_prompt", "reward_model")), strict=True
            )
            keys = [prompt_key(source, prompt, reward["ground_truth"]) for source, prompt, reward in contents]
            sigma = [self.counts.sigma(key, self.settings.mastery) for key in keys]
            n = allocate(sigma, len(keys) * self.settings.n, **self.settings.bounds)
            tu.assign_non_tensor_stack(prompts, "__rollout_n__", n)
            tu.assign_non_tensor_stack(prompts, KEY, keys)
            self._allocated[0].extend(sigma)
            self._allocated[1].extend(n)
        super().generate_sequences(prompts)

    def observe(self, batch: KVBatchMeta) -> dict[str, float]:
        """Count the verdicts of a batch of samples; metrics of it, and of what was allocated since the last one.

        Those of `allocation_metrics`, and ``rollouts/success``: the share of right answers, every prompt alike.

        Raises:
            UserError: the reward function does not say which answers are right.
        """
        successes, rollouts = defaultdict[str, int](int), defaultdict[str, int](int)
        sessions = set[tuple[str, str]]()
        for name, sample in read_samples(batch, KEY, "extra_fields"):
            session = split_key(name)[:2]
            if session in sessions:  # an agent's answer of several rows
                continue
            sessions.add(session)
            accuracy = sample["extra_fields"].get("reward_extra_info", {}).get("acc")
            if accuracy is None:
                raise UserError(
                    "reward.custom_reward_function: it returns no acc, by which rollouts=dynamo tells right answers; "
                    "return {'score': ..., 'acc': 1 or 0}"
                )
            successes[sample[KEY]] += float(accuracy) >= 0.5
            rollouts[sample[KEY]] += 1
        for key, count in rollouts.items():
            self.counts.observe(key, successes[key], count)
        shares = [successes[key] / count for key, count in rollouts.items()]
        metrics = {"rollouts/success": sum(shares) / len(shares)} if shares else {}
        sigma, n = self._allocated
        self._allocated = ([], [])
        return metrics | (allocation_metrics(sigma, n, **self.settings.bounds) if n else {})


def _column(prompts: TensorDict, name: str) -> list[Any]:
    """A field of any kind, row by row, as verl's worker takes it out of the batch."""
    rows: Any = prompts.get(name)
    return [rows[i].data for i in range(len(prompts))]


def count_successes(trainer: Any, manager: AllocatingManager) -> None:
    """Have ``trainer``, of whatever mode, tell ``manager`` the verdicts of each batch.

    After the advantages, which is before the checkpoint of the step is saved.
    """
    compute_advantage = trainer._compute_advantage

    def counting(batch: KVBatchMeta, metrics: dict[str, Any]) -> KVBatchMeta:
        batch = compute_advantage(batch, metrics)
        metrics.update(manager.observe(batch))
        return batch

    trainer._compute_advantage = counting


def read_samples(batch: KVBatchMeta, *fields: str) -> list[tuple[str, dict[str, Any]]]:
    """Name and fields of each sample of ``batch``, from the storage. verl's padding samples are left out."""
    keys = [key for key, padding in zip(batch.keys, padding_of(batch.tags), strict=True) if not padding]
    data = tq.kv_batch_get(keys=keys, partition_id=str(batch.partition_id), select_fields=list(fields))
    columns = [values_of(data[name]) for name in fields]
    return [(key, dict(zip(fields, row, strict=True))) for key, *row in zip(keys, *columns, strict=True)]
