"""The losses as verl finds, configures and calls them."""

import dataclasses
import pickle
from pathlib import Path

import pytest
import torch
from verl.trainer.ppo.core_algos import POLICY_LOSS_REGISTRY
from verl.utils.config import omega_conf_to_dataclass
from verl.utils.metric import AggregationType, Metric
from verl.workers.config import ActorConfig, PolicyLossConfig

from dgpo.losses import METHODS
from dgpo.losses import verl as adapter
from dgpo.losses.surrogate import MODES

CONFIGS = Path(__file__).parents[2] / "configs" / "policy_loss"
CHOICES = sorted(path.stem for path in CONFIGS.glob("*.yaml") if not path.stem.startswith("verl_"))


def test_there_is_a_config_for_every_method():
    assert {choice.removesuffix("_one_sided") for choice in CHOICES} == set(METHODS)


@pytest.mark.parametrize("choice", CHOICES)
def test_every_config_is_selectable_and_runs(choice, actor_section, make_batch, actor_loss):
    section = actor_section(choice)
    adapter.check_actor(section)
    actor = omega_conf_to_dataclass(section)
    adapter.check_actor(actor)
    loss, gradient, metrics = actor_loss(actor, make_batch())
    assert loss.isfinite() and gradient.count_nonzero() > 0
    Metric.from_dict(metrics, aggregation=AggregationType.MEAN)
    assert pickle.loads(pickle.dumps(actor.policy_loss)) == actor.policy_loss


@pytest.mark.parametrize("choice", CHOICES)
def test_a_config_file_names_every_key_of_its_method_with_the_default(choice, actor_section):
    section = actor_section(choice).policy_loss
    config = type(omega_conf_to_dataclass(section))
    ours = {f.name: f.default for f in dataclasses.fields(config)}
    theirs = {f.name for f in dataclasses.fields(PolicyLossConfig)}
    for key in set(ours) - theirs | {"loss_mode"}:
        if not (choice == "cispo_one_sided" and key == "one_sided"):
            assert section[key] == ours[key]


def test_grpo_is_verls_vanilla_in_loss_gradient_and_metrics(actor_section, make_batch, actor_loss):
    actor = omega_conf_to_dataclass(actor_section("grpo", "clip_ratio_high=0.28", "clip_ratio_c=2.0"))
    actor.global_batch_info.update(dp_size=2, batch_num_tokens=500, global_batch_size=12, loss_scale_factor=40)
    for mode in MODES:
        for seed in range(5):
            batch = make_batch(seed=seed, spread=1.0)
            kwargs = {"loss_agg_mode": mode}
            if seed % 2:
                kwargs["rollout_is_weights"] = torch.rand_like(batch.advantages) * 2
            loss, gradient, metrics = actor_loss(actor, batch, **kwargs)
            expected_loss, expected_gradient, expected_metrics = actor_loss(actor, batch, "vanilla", **kwargs)
            torch.testing.assert_close(loss, expected_loss)
            torch.testing.assert_close(gradient, expected_gradient)
            for key, value in expected_metrics.items():
                assert metrics[key] == pytest.approx(value, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize(("name", "overrides"), [("sapo", ["tau_neg=1.3"]), ("cispo", [])])
def test_what_verl_has_too_has_the_gradient_of_verls(name, overrides, actor_section, make_batch, actor_loss):
    actor, batch = omega_conf_to_dataclass(actor_section(name, *overrides)), make_batch()
    (loss, gradient, _), (expected, expected_gradient, _) = (
        actor_loss(actor, batch, which, loss_agg_mode="seq-mean-token-mean") for which in (None, name)
    )
    torch.testing.assert_close(gradient, expected_gradient)
    if name == "sapo":
        torch.testing.assert_close(loss, expected)


def test_hyper_parameters_reach_the_loss(actor_section, make_batch, actor_loss):
    base = [actor_loss(omega_conf_to_dataclass(actor_section("dgpo")), make_batch(spread=1.0))[1]]
    for override in (
        ["policy_loss.n=2"],
        ["policy_loss.m=1"],
        ["clip_ratio_low=0.1"],
        ["clip_ratio_high=0.4"],
        ["policy_loss.dual_clip=true"],
        ["policy_loss.dual_clip=true", "clip_ratio_c=2.0"],
        ["clip_ratio_low=null", "clip_ratio_high=null", "clip_ratio=0.3"],
    ):
        actor = omega_conf_to_dataclass(actor_section("dgpo", *override))
        gradient = actor_loss(actor, make_batch(spread=1.0))[1]
        assert not any(torch.equal(gradient, other) for other in base), override
        base.append(gradient)


REFUSED_AT_COMPOSITION = [
    ("dgpo", ["policy_loss.n=0"], r"n=0 must be an integer"),
    ("dgpo", ["policy_loss.m=1.5"], r"m=1.5 must be an integer"),
    ("maspo", ["policy_loss.beta=-1"], r"beta=-1 must be"),
    ("dgpo", ["policy_loss.dual_clip=3"], "dual_clip=3 must be true or false"),
    ("dgpo", ["policy_loss.loss_mode=vanilla"], "loss_mode='vanilla' must be 'dgpo'"),
    ("dgpo", ["policy_loss.ppo_kl_coef=0.2"], "ppo_kl_coef=0.2 has no effect on 'dgpo'"),
    ("dgpo", ["+policy_loss.beta1=1.0"], "beta1"),
    ("dgpo", ["+policy_loss.clip_ratio_low=0.1"], "clip_ratio_low"),
]


@pytest.mark.parametrize(("choice", "overrides", "message"), REFUSED_AT_COMPOSITION)
def test_wrong_policy_loss_keys_are_refused_when_the_config_is_made(choice, overrides, message, actor_section):
    with pytest.raises(Exception, match=message):
        omega_conf_to_dataclass(actor_section(choice, *overrides))


REFUSED_BY_CHECK = [
    ("dgpo", ["clip_ratio_low=1.0"], r"clip_ratio_low=1.0 must be a number in \(0, 1\)"),
    ("dgpo", ["policy_loss.dual_clip=true", "clip_ratio_c=null"], "actor.clip_ratio_c is null; set it above 1"),
    ("dgpo", ["clip_ratio_c=10.0"], "actor.clip_ratio_c=10.0 has no effect on 'dgpo'.*dual_clip=true"),
    ("gppo", ["clip_ratio_c=10.0"], "actor.clip_ratio_c=10.0 has no effect on 'gppo'; remove it"),
    ("dgpo", ["tau_pos=2.0"], "actor.tau_pos=2.0 has no effect on 'dgpo'"),
    ("dgpo", ["clip_ratio=0.3"], "actor.clip_ratio=0.3 has no effect on 'dgpo'"),
]


@pytest.mark.parametrize(("choice", "overrides", "message"), REFUSED_BY_CHECK)
def test_actor_keys_without_effect_are_refused(choice, overrides, message, actor_section, make_batch, actor_loss):
    section = actor_section(choice, *overrides)
    with pytest.raises(ValueError, match=message):
        adapter.check_actor(section)
    with pytest.raises(ValueError, match=message):
        actor_loss(omega_conf_to_dataclass(section), make_batch())


def test_check_leaves_verls_own_losses_alone():
    adapter.check_actor(ActorConfig(strategy="fsdp", rollout_n=1, ppo_micro_batch_size_per_gpu=1))


def test_our_loss_with_verls_config_class_is_refused(make_batch, actor_loss):
    actor = ActorConfig(
        strategy="fsdp", rollout_n=1, ppo_micro_batch_size_per_gpu=1, policy_loss=PolicyLossConfig(loss_mode="gppo")
    )
    with pytest.raises(ValueError, match=r"'gppo' got config\.policy_loss=PolicyLossConfig"):
        actor_loss(actor, make_batch())


def test_no_loss_of_verl_is_overwritten():
    ours = {name for name, function in POLICY_LOSS_REGISTRY.items() if function.__module__.startswith("dgpo.")}
    assert {adapter.verl_name(method) for method in METHODS.values()} <= ours
    for name in ("vanilla", "sapo", "cispo", "gspo", "gpg", "clip_cov", "kl_cov", "geo_mean", "dro", "bypass_mode"):
        assert POLICY_LOSS_REGISTRY[name].__module__ == "verl.trainer.ppo.core_algos"


def test_a_method_named_like_a_loss_of_verl_is_refused():
    with pytest.raises(ValueError, match="verl already has a policy loss 'gspo'"):
        adapter.config_class(type("GSPO", (METHODS["dgpo"],), {"name": "gspo"}))
