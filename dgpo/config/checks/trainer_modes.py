"""What the trainer modes of verl need, and what they ignore."""

from collections.abc import Iterator

from omegaconf import DictConfig

from dgpo.config.checks.finding import Finding, finding
from dgpo.config.memory.setup import ENGINE, ROLLOUT

IS = "algorithm.rollout_correction.rollout_is"


def gpu_groups(config: DictConfig) -> list[tuple[str, int, int]]:
    """Who takes GPUs: the section of the config, its nodes, and its GPUs on each. The trainer is the first."""
    trainer, rollout = config.trainer, config.actor_rollout_ref.rollout
    groups = [("trainer", trainer.nnodes, trainer.n_gpus_per_node)]
    if trainer.v1.trainer_mode == "separate_async":
        groups.append((ROLLOUT, rollout.nnodes, rollout.n_gpus_per_node))
    return groups


def mode(config: DictConfig) -> Iterator[Finding]:
    """The settings of ``trainer.v1.trainer_mode``, and of rollouts that are older than what they train."""
    name, correction = config.trainer.v1.trainer_mode, config.algorithm.rollout_correction
    if name == "separate_async":
        yield from _separate(config)
    if correction.bypass_mode and correction.rollout_is is not None:
        message = "with bypass_mode verl computes no such weights: the ratio itself is to the rollout's policy"
        yield finding(config, IS, message, "set it to null, or bypass_mode to false")
    if name != "sync" and not correction.bypass_mode and correction.rollout_is is None:
        message = f"{name} trains on answers of older weights, and nothing corrects for it"
        yield finding(config, IS, message, "set it to token; docs/async.md", fatal=False)


def _separate(config: DictConfig) -> Iterator[Finding]:
    """verl asserts these once the cluster runs; here they come before."""
    actor, rollout = config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout
    batch, mini = config.data.train_batch_size, actor.ppo_mini_batch_size
    if batch != config.trainer.v1.separate_async.parameter_sync_step * mini:
        message = (
            f"separate_async needs data.train_batch_size={batch} to be this times actor.ppo_mini_batch_size={mini}"
        )
        remedy = f"set it to {batch // mini}" if batch % mini == 0 else "use a mini-batch that divides it"
        yield finding(config, "trainer.v1.separate_async.parameter_sync_step", message, remedy)
    bypass = config.algorithm.rollout_correction.bypass_mode
    if actor.fsdp_config.param_offload and actor.strategy == "fsdp2" and not bypass:
        message = (
            "the copy that verl keeps of a step's first weights would be the offloaded parameters themselves, and "
            "updates would be lost"
        )
        yield finding(config, f"{ENGINE}.param_offload", message, "set it to false: rollouts have GPUs of their own")
    if rollout.nnodes < 1:
        message = "separate_async answers on GPUs of its own"
        yield finding(config, f"{ROLLOUT}.nnodes", message, "set it to 1 or more")
    backend, fitting = rollout.checkpoint_engine.backend, "gloo" if config.trainer.device == "cpu" else "nccl"
    if backend == "naive" or (backend == "gloo") != (fitting == "gloo"):
        message = f"it cannot carry weights between separate processes on {config.trainer.device}"
        remedy = f"use {fitting}, as +trainer_mode=separate_async{'_cpu' if fitting == 'gloo' else ''} does"
        yield finding(config, f"{ROLLOUT}.checkpoint_engine.backend", message, remedy)
