"""verl's agent loop for a text environment: the model acts, the environment answers, tokens and spans are kept exactly.

A coroutine for each trajectory, so that none waits for another. What the environment says is in the sequence with mask
0; each turn's own tokens are its span.
"""

import time
from typing import Any
from uuid import uuid4

from verl.experimental.agent_loop.agent_loop import AgentLoopBase, AgentLoopMetrics, AgentLoopOutput

from dgpo.agents.hosts import EnvironmentLostError, HostedEpisode, Hosts
from dgpo.agents.settings import AgentSettings
from dgpo.rollouts.verl import finished_tokens

_hosts: dict[AgentSettings, Hosts] = {}
"""Of this worker process: verl makes a loop for each trajectory."""


class EnvironmentLoop(AgentLoopBase):
    """Plays ``extra_info["env"]`` of a row, after its prompt.

    ``extra_fields`` of each output has ``turns``: of each turn in it ``start``, ``end`` (its tokens in the response),
    ``reward``, ``observation`` (the anchor before the action) and ``valid``; and of the whole episode ``success``,
    ``lost`` (why the environment could not go on, or "") and ``environment_seconds``.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.settings = AgentSettings.of(self.config.agent)
        if self.settings not in _hosts:
            _hosts[self.settings] = Hosts(self.settings)
        self.hosts = _hosts[self.settings]

    async def run(  # pyright: ignore[reportIncompatibleMethodOverride]  (verl takes lists too)
        self, sampling_params: dict[str, Any], **row: Any
    ) -> list[AgentLoopOutput]:
        episode = self.hosts.episode(row["extra_info"]["env"])
        played = EpisodeRecord(self, sampling_params, list(row["raw_prompt"]))
        lost = ""
        try:
            await self._play(episode, played)
        except EnvironmentLostError as error:
            lost = str(error)
        await episode.close()
        return await played.outputs(lost, episode.seconds)

    async def _play(self, episode: HostedEpisode, played: "EpisodeRecord") -> None:
        reply = await episode.reset()
        await played.begin(reply["text"])
        for _ in range(self.settings.max_turns):
            answer = await played.answer()
            if answer is None:
                break
            before, reply = reply, await episode.step(answer)
            played.end_turn(observation=before["anchor"], reward=reply["reward"], valid=reply["valid"])
            if reply["done"]:
                break
            await played.add_observation(reply["text"])
        if reply["success"] is None and reply.get("terminated"):
            missing = "it ended without info['success']: give it, or set agent.success=reward"
            raise EnvironmentLostError(f"environment {episode.name}: {missing}")
        played.success = bool(reply["success"])


class EpisodeRecord:
    """The sequences of one episode, as they grow."""

    def __init__(self, loop: EnvironmentLoop, sampling_params: dict[str, Any], prompt: list[dict[str, Any]]):
        self.loop, self.settings, self.rollout = loop, loop.settings, loop.rollout_config
        self.sampling_params, self.prompt = sampling_params, prompt
        self.request_id = uuid4().hex
        self.success = False
        self.turns: list[dict[str, Any]] = []
        self.sequences: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
        self.seconds = 0.0
        self.versions: dict[str, Any] = {}
        self._span = (0, 0)

    async def begin(self, text: str) -> None:
        """Begin a sequence, whose prompt ends with what the environment says."""
        self.messages = [*self.prompt, {"role": "user", "content": text}]
        self.ids = await self.loop.ct_build_initial_tokens(self.messages)
        self.prompt_length, self.mask, self.log_probs = len(self.ids), [], []

    async def answer(self) -> str | None:
        """Let the model answer; its text, or None where the sequence has no room left."""
        longest = self.rollout.max_model_len or self.rollout.prompt_length + self.rollout.response_length
        room = min(self.rollout.response_length - len(self.mask), longest - len(self.ids))
        if room < 1:
            return None
        began = time.monotonic()
        # A copy: verl's client changes it, and the sessions of a prompt share it.
        parameters = {
            **self.sampling_params,
            **finished_tokens(self.loop.config),
            "max_tokens": min(room, self.settings.max_action_tokens),
        }
        output = await self.loop.server_manager.generate(
            request_id=self.request_id, prompt_ids=self.ids, sampling_params=parameters
        )
        self.seconds += time.monotonic() - began
        # The first turn's oldest weights, the last one's newest.
        self.versions = {**output.extra_fields, **self.versions}
        if (newest := output.extra_fields.get("max_global_steps")) is not None:
            self.versions["max_global_steps"] = newest
        start = len(self.mask)
        merged, self.mask, self.log_probs = await self.loop.ct_merge_assistant_token(
            self.ids, output.token_ids, self.mask, self.log_probs, assistant_logprobs=output.log_probs
        )
        self.ids, self._span = merged.token_ids, (start, start + len(output.token_ids))
        tokenizer: Any = self.loop.tokenizer
        text = tokenizer.decode(output.token_ids, skip_special_tokens=True)
        self.messages = [*self.messages, {"role": "assistant", "content": text}]
        return text

    def end_turn(self, **facts: Any) -> None:
        self.turns.append({"start": self._span[0], "end": self._span[1], **facts})
        if self.settings.layout == "turn":
            self._end_sequence([self.turns[-1]])

    async def add_observation(self, text: str) -> None:
        """Append what the environment says next, or begin a new sequence with it (layout ``turn``)."""
        if self.settings.layout == "turn":
            return await self.begin(text)
        said = [*self.messages, {"role": "user", "content": text}]
        merged, self.mask, self.log_probs = await self.loop.ct_merge_context_msg(
            self.messages, said, self.ids, self.mask, self.log_probs
        )
        self.ids, self.messages = merged.token_ids, said

    def _end_sequence(self, turns: list[dict[str, Any]]) -> None:
        longest, start = self.rollout.response_length, self.prompt_length
        sequence: dict[str, Any] = {
            "prompt_ids": self.ids[:start],
            "response_ids": self.ids[start : start + longest],
            "response_mask": self.mask[:longest],
        }
        if self.rollout.calculate_log_probs:
            sequence["response_logprobs"] = self.log_probs[:longest]
        self.sequences.append((sequence, turns))

    async def outputs(self, lost: str, environment_seconds: float) -> list[AgentLoopOutput]:
        """One for each sequence; what is ``lost`` has mask 0 throughout, and teaches nothing."""
        if not self.turns:
            # An episode without a turn: verl wants a token all the same, and versions of the weights.
            await self.begin("-")
            await self.answer()
        if not self.sequences:
            self._end_sequence(self.turns)
        if lost:
            for sequence, _ in self.sequences:
                sequence["response_mask"] = [0] * len(sequence["response_mask"])
        reward = sum(turn["reward"] for turn in self.turns)
        figures = {
            "score": reward,
            "acc": float(self.success),
            "turns": float(len(self.turns)),
            "invalid": float(sum(not turn["valid"] for turn in self.turns)),
            "lost": float(bool(lost)),
        }
        facts = {"success": self.success, "lost": lost, "environment_seconds": environment_seconds}
        return [
            AgentLoopOutput(
                **sequence,
                reward_score=reward,
                num_turns=2 * len(self.turns),
                metrics=AgentLoopMetrics(generate_sequences=self.seconds, tool_calls=environment_seconds),
                extra_fields={
                    **self.versions,
                    "turn_scores": [],
                    "tool_rewards": [],
                    "reward_extra_info": figures,
                    "turns": turns,
                    **facts,
                },
            )
            for sequence, turns in self.sequences
        ]
