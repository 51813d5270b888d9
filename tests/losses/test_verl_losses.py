"""verl's own losses as choices: each is what verl computes, with the metrics of ours."""

import pickle
from pathlib import Path

import pytest
import torch
from verl.utils.config import omega_conf_to_dataclass
from verl.utils.metric import AggregationType, Metric
from verl.workers.config import ActorConfig, PolicyLossConfig

from dgpo.losses import policy_loss
from dgpo.losses.surrogate import MODES
from dgpo.losses.verl import VERL_KEYS, check_actor
from dgpo.losses.verl_losses import READ

CONFIGS = Path(__file__).parents[2] / "configs" / "policy_loss"
NEEDED = {"dro": ["policy_loss.dro_beta=0.1"]}


@pytest.fixture
def make_actor(actor_section):
    """The actor config of `policy_loss=verl_<name>`."""

    def make(name: str, *overrides: str) -> ActorConfig:
        return omega_conf_to_dataclass(actor_section(f"verl_{name}", *NEEDED.get(name, []), *overrides))

    return make


def test_there_is_a_config_for_each():
    assert {path.stem for path in CONFIGS.glob("verl_*.yaml")} == {f"verl_{name}" for name in READ}


@pytest.mark.parametrize("name", READ)
def test_loss_and_gradient_are_verls_and_the_metrics_are_both(name, make_actor, make_batch, actor_loss):
    actor = make_actor(name)
    check_actor(actor)
    assert pickle.loads(pickle.dumps(actor.policy_loss)) == actor.policy_loss
    default = PolicyLossConfig(dro_beta=actor.policy_loss.dro_beta)
    assert all(actor.policy_loss[key] == default[key] for key in VERL_KEYS)
    actor.global_batch_info.update(dp_size=2, batch_num_tokens=500, global_batch_size=12)
    for mode in MODES[:-1]:
        for factors in (None, torch.rand(6, 40)):
            given = {"loss_agg_mode": mode, "rollout_is_weights": factors}
            torch.manual_seed(0)  # clip_cov draws its tokens
            loss, gradient, metrics = actor_loss(actor, make_batch(), **given)
            torch.manual_seed(0)
            expected, expected_gradient, own = actor_loss(actor, make_batch(), name, **given)
            # verl's GMPO is a mean over the micro-batch: 6 of the 12 sequences that 2 ranks have.
            share = 6 * 2 / 12
            torch.testing.assert_close(loss, expected * share if name == "geo_mean" else expected)
            torch.testing.assert_close(gradient, expected_gradient * share if name == "geo_mean" else expected_gradient)
            assert own.items() <= metrics.items()
    assert metrics.keys() == policy_loss("dgpo", *make_batch())[1].keys()
    Metric.from_dict(metrics, aggregation=AggregationType.MEAN)


def test_f_of_gspo_is_the_ratio_of_the_sequence_or_nothing(make_actor, make_batch, actor_loss):
    batch = make_batch(rows=1, spread=0.3)
    old, new, advantages, mask = batch
    advantages.fill_(1.0)
    ratio = ((new - old)[mask].mean()).exp().item()
    for high in (ratio - 1 + 0.01, ratio - 1 - 0.01):
        metrics = actor_loss(make_actor("gspo", "clip_ratio_low=0.9", f"clip_ratio_high={high}"), batch)[2]
        expected = ratio if ratio < 1 + high else 0.0
        assert metrics["actor/region/in/F_mean"] == pytest.approx(expected, rel=1e-4)
        assert metrics["actor/region/hp/F_max"] == pytest.approx(expected, rel=1e-4)
        assert metrics["actor/pg_clipfrac"] == float(ratio > 1 + high)


def test_f_of_dppo_is_the_ratio_where_the_probability_has_not_moved_too_far(make_actor, make_batch, actor_loss):
    batch = make_batch(rows=20)
    old, new, advantages, mask = batch
    metrics = actor_loss(make_actor("dppo_tv", "clip_ratio_high=0.1"), batch)[2]
    right = (advantages > 0) & ((new - old).exp() > 1.1) & mask
    f = torch.where(new.exp() - old.exp() <= 0.1, (new - old).exp().clamp(max=3.0), 0.0)
    assert metrics["actor/region/hp/F_mean"] == pytest.approx(f[right].mean().item(), rel=1e-4)
    assert 0 < metrics["actor/boundary_gradient_mass"] < 1


def test_gmpo_does_not_depend_on_how_the_mini_batch_is_split(make_actor, make_batch, actor_loss):
    actor, batch = make_actor("geo_mean"), make_batch(rows=8)
    actor.global_batch_info.update(dp_size=1, global_batch_size=8)
    loss, gradient, _ = actor_loss(actor, batch)
    pieces = [actor_loss(actor, batch.rows(rows)) for rows in (slice(0, 1), slice(1, 4), slice(4, 8))]
    torch.testing.assert_close(sum(piece[0] for piece in pieces), loss)
    torch.testing.assert_close(torch.cat([piece[1] for piece in pieces]), gradient)


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("gspo", ["policy_loss.loss_mode=gspo"], "loss_mode='gspo' must be one of verl_dppo_tv, "),
        ("gspo", ["policy_loss.loss_mode=verl_vanilla"], "loss_mode='verl_vanilla' must be one of"),
        ("gspo", ["policy_loss.kl_cov_ratio=0.1"], "kl_cov_ratio=0.1 has no effect on 'verl_gspo'; remove it"),
        ("dro", ["policy_loss.dro_beta=0"], "dro_beta=0.* must be above 0"),
        ("gspo", ["clip_ratio_c=10.0"], "actor.clip_ratio_c=10.0 has no effect on 'verl_gspo'; remove it"),
        ("gspo", ["tau_pos=2.0"], "actor.tau_pos=2.0 has no effect on 'verl_gspo'"),
        ("geo_mean", ["clip_ratio_low=1.5"], r"clip_ratio_low=1.5 must be a number in \(0, 1\)"),
    ],
)
def test_keys_without_effect_and_wrong_values_are_refused(name, overrides, message, make_actor):
    with pytest.raises(Exception, match=message):
        check_actor(make_actor(name, *overrides))


def test_dppo_reads_its_cap(make_actor):
    check_actor(make_actor("dppo_kl", "clip_ratio_c=20.0"))
