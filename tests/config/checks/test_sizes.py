"""What is offloaded has to fit into this machine's memory."""

from omegaconf import OmegaConf

from dgpo.config.checks.sizes import offloading
from dgpo.config.compose import compose_config, resolved


def test_more_offloaded_than_this_machine_holds_is_refused() -> None:
    config = resolved(compose_config("dgpo_7b", []))
    config.trainer.n_gpus_per_node = 512
    config.actor_rollout_ref.actor.fsdp_config.fsdp_size = 1
    (problem,) = offloading(config)
    assert problem.fatal and "is offloaded takes" in problem.message
    # A cluster's nodes are not this one.
    OmegaConf.update(config, "ray_kwargs.ray_init.address", "10.0.0.1:6379", force_add=True)
    assert list(offloading(config)) == []


def test_what_is_not_offloaded_needs_no_memory_of_the_machine() -> None:
    assert list(offloading(resolved(compose_config("dgpo_1_5b", [])))) == []
