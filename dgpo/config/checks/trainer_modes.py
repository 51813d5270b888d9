"""What the trainer modes of verl need, and what they ignore."""

from collections.abc import Iterator

from omegaconf import DictConfig

from dgpo.config.checks.finding import Finding

SAMPLER = "trainer.v1.sampler.custom_sampler"


def gpu_groups(config: DictConfig) -> list[tuple[str, int, int]]:
    """Who takes GPUs: the section of the config, its nodes, and its GPUs on each. The trainer is the first."""
    trainer, rollout = config.trainer, config.actor_rollout_ref.rollout
    groups = [("trainer", trainer.nnodes, trainer.n_gpus_per_node)]
    if trainer.v1.trainer_mode == "separate_async":
        groups.append(("actor_rollout_ref.rollout", rollout.nnodes, rollout.n_gpus_per_node))
    return groups


def mode(config: DictConfig) -> Iterator[Finding]:
    """The settings of ``trainer.v1.trainer_mode``, and of rollouts that are older than what they train."""
    name = config.trainer.v1.trainer_mode
    yield from sampler(config, name)
    if name == "separate_async":
        yield from separate(config)
    correction = config.algorithm.rollout_correction
    if correction.bypass_mode and correction.rollout_is is not None:
        yield Finding(
            "algorithm.rollout_correction.rollout_is",
            correction.rollout_is,
            "with bypass_mode verl computes no such weights: the ratio itself is to the rollout's policy",
            "set it to null, or bypass_mode to false",
        )
    if name != "sync" and not correction.bypass_mode and correction.rollout_is is None:
        yield Finding(
            "algorithm.rollout_correction.rollout_is",
            None,
            f"{name} trains on answers of older weights, and nothing corrects for it",
            "set it to token; docs/async.md",
            fatal=False,
        )


def sampler(config: DictConfig, name: str) -> Iterator[Finding]:
    """A replay buffer of one's own fits the mode, and does not take group filtering away."""
    custom = config.trainer.v1.sampler.custom_sampler
    if not custom.path or not custom.name:
        return
    from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer, ReplayBufferAsync
    from verl.utils.import_utils import load_extern_object

    remedy = "use pkg://dgpo.training.verl and fast_polling, or null for verl's own"
    try:
        chosen = load_extern_object(custom.path, custom.name)
    except Exception as error:
        yield Finding(f"{SAMPLER}.name", custom.name, f"it cannot be loaded: {error}", remedy)
        return
    synchronous = (
        isinstance(chosen, type) and issubclass(chosen, ReplayBuffer) and not issubclass(chosen, ReplayBufferAsync)
    )
    if name != "sync" and synchronous:
        message = f"it is for trainer_mode=sync: under {name} it bounds no staleness and replaces no failed group"
        yield Finding(f"{SAMPLER}.name", custom.name, message, remedy)
    if config.algorithm.get("filter_groups") and config.algorithm.filter_groups.enable:
        yield Finding(
            "algorithm.filter_groups.enable",
            True,
            f"verl does not tell a custom sampler ({custom.name}) to filter groups",
            f"set {SAMPLER}.path and .name to null",
        )


def separate(config: DictConfig) -> Iterator[Finding]:
    """verl asserts these once the cluster runs; here they come before."""
    batch, mini = config.data.train_batch_size, config.actor_rollout_ref.actor.ppo_mini_batch_size
    updates, rollout = config.trainer.v1.separate_async.parameter_sync_step, config.actor_rollout_ref.rollout
    if batch != updates * mini:
        yield Finding(
            "trainer.v1.separate_async.parameter_sync_step",
            updates,
            f"separate_async needs data.train_batch_size={batch} to be this times actor.ppo_mini_batch_size={mini}",
            f"set it to {batch // max(1, mini)}" if batch % max(1, mini) == 0 else "use a mini-batch that divides it",
        )
    actor = config.actor_rollout_ref.actor
    if (
        actor.fsdp_config.param_offload
        and actor.strategy == "fsdp2"
        and not config.algorithm.rollout_correction.bypass_mode
    ):
        yield Finding(
            "actor_rollout_ref.actor.fsdp_config.param_offload",
            True,
            "the copy that verl keeps of a step's first weights would be the offloaded parameters themselves, and "
            "updates would be lost",
            "set it to false: rollouts have GPUs of their own",
        )
    for key in ("nnodes", "n_gpus_per_node"):
        if rollout[key] < 1:
            message = "separate_async answers on GPUs of its own"
            yield Finding(f"actor_rollout_ref.rollout.{key}", rollout[key], message, "set it to 1 or more")
    backend = rollout.checkpoint_engine.backend
    fitting = "gloo" if config.trainer.device == "cpu" else "nccl"
    if backend == "naive" or (backend == "gloo") != (fitting == "gloo"):
        yield Finding(
            "actor_rollout_ref.rollout.checkpoint_engine.backend",
            backend,
            f"it cannot carry weights between separate processes on {config.trainer.device}",
            f"use {fitting}, as +trainer_mode=separate_async{'_cpu' if fitting == 'gloo' else ''} does",
        )
