import inspect
import math

import pytest
import torch
import yaml
from torch import Tensor

from dgpo.advantages.dynamo import modulation
from dgpo.advantages.trajectories import CREDIT
from dgpo.config.compose import config_dir

ROWS, WIDTH = 6, 12


@pytest.fixture
def batch() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Advantages, old log-probs, entropies and mask: answers of unequal lengths, observations inside the second."""
    generator = torch.Generator().manual_seed(0)
    log_probs = -torch.empty(ROWS, WIDTH).exponential_(1.5, generator=generator)
    entropy = torch.empty(ROWS, WIDTH).exponential_(2.0, generator=generator)
    advantages = torch.tensor([1.2, -0.7, 0.3, 0.0, 2.0, -1.5])[:, None].expand(ROWS, WIDTH)
    mask = torch.arange(WIDTH) < torch.tensor([12, 10, 7, 5, 1, 3])[:, None]
    mask[1, 3:6] = False
    return advantages, log_probs, entropy, mask.long()


def test_the_factors_are_those_of_the_equations(batch: tuple[Tensor, ...]) -> None:
    factors = modulation(*batch, alpha=0.3, floor=0.5, steepness=20.0, threshold=0.8)
    for a, log_prob, h, mask, got in zip(*batch, factors, strict=True):
        inside = [t for t in range(WIDTH) if mask[t]]
        pull = {t: math.exp(log_prob[t]) * (float(log_prob[t]) + float(h[t])) for t in inside}
        mean = sum(pull.values()) / len(inside)
        shift = {t: abs(float(a[t]) * (pull[t] - mean)) for t in inside}
        least, most = min(float(h[t]) for t in inside), max(float(h[t]) for t in inside)
        for t in range(WIDTH):
            expected = 1.0
            if t in inside and a[t] > 0 and most > least:
                expected += 0.3 * (most - float(h[t])) / (most - least)
            if t in inside and max(shift.values()) > 0:
                expected *= 0.5 + 0.5 / (1 + math.exp(20 * (shift[t] / max(shift.values()) - 0.8)))
            assert float(got[t]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("scope", ["sequence", "batch"])
def test_what_is_masked_has_no_influence_and_the_factor_1(batch: tuple[Tensor, ...], scope: str) -> None:
    *tensors, mask = batch
    clean = modulation(*tensors, mask, scope=scope)
    outside = mask == 0
    for garbage in (math.nan, math.inf, -1e30, 7.0):
        dirty = modulation(*(each.masked_fill(outside, garbage) for each in tensors), mask, scope=scope)
        assert torch.equal(dirty, clean)
    assert (clean[outside] == 1).all() and (clean[~outside] != 1).any()
    wider = modulation(*(torch.nn.functional.pad(each, (0, 5)) for each in (*tensors, mask)), scope=scope)
    assert torch.equal(wider[:, :WIDTH], clean) and (wider[:, WIDTH:] == 1).all()


def test_a_response_s_factors_are_its_own_in_scope_sequence(batch: tuple[Tensor, ...]) -> None:
    whole = modulation(*batch)
    for parts in ([0, 1], [5, 2, 4], [3]):
        assert torch.equal(modulation(*(each[parts] for each in batch)), whole[parts])


def test_scope_batch_is_one_sequence_for_the_extremes_but_not_for_the_mean(batch: tuple[Tensor, ...]) -> None:
    order = torch.tensor([4, 0, 5, 2, 1, 3])
    whole = modulation(*batch, scope="batch")
    torch.testing.assert_close(modulation(*(each[order] for each in batch), scope="batch"), whole[order])
    alone = [each[:1] for each in batch]
    assert torch.equal(modulation(*alone, scope="batch"), modulation(*alone))
    # The whole batch has one lowest and one highest entropy: only one token with A > 0 can have the whole of alpha.
    comp = modulation(*batch, floor=1.0, scope="batch")
    assert (comp == comp.max()).sum() == 1 and not torch.equal(comp, modulation(*batch, floor=1.0))


@pytest.mark.parametrize("scope", ["sequence", "batch"])
def test_factors_stay_within_their_bounds_and_leave_others_alone(batch: tuple[Tensor, ...], scope: str) -> None:
    advantages, *_, mask = batch
    factors = modulation(*batch, scope=scope, alpha=0.4, floor=0.6, threshold=0.9)
    assert factors.min() >= 0.6 and factors.max() <= 1.4
    comp = modulation(*batch, scope=scope, alpha=0.4, floor=1.0)
    assert (comp[advantages <= 0] == 1).all() and comp[(advantages > 0) & mask.bool()].max() > 1.2
    stab = modulation(*batch, scope=scope, alpha=0.0, floor=0.6)
    torch.testing.assert_close(modulation(*batch, scope=scope, alpha=0.4, floor=0.6), comp * stab)
    assert torch.equal(modulation(*batch, scope=scope, alpha=0.0, floor=1.0), torch.ones(ROWS, WIDTH))


def test_the_size_of_the_advantages_does_not_matter(batch: tuple[Tensor, ...]) -> None:
    advantages, *rest = batch
    for scope in ("sequence", "batch"):
        torch.testing.assert_close(
            modulation(8 * advantages, *rest, scope=scope), modulation(advantages, *rest, scope=scope)
        )


def test_an_answer_of_one_token_or_without_advantage_keeps_what_it_has(batch: tuple[Tensor, ...]) -> None:
    factors = modulation(*batch, threshold=-5.0)
    # The fourth has the advantage 0, the fifth one token: nothing to compare with.
    assert (factors[3:5] == 1).all()
    even = torch.ones(1, 4)
    assert torch.equal(modulation(even, -even, even, even), even)


def test_nothing_to_modulate_is_no_error() -> None:
    assert modulation(*[torch.zeros(0, 0)] * 4).shape == (0, 0)
    assert torch.equal(modulation(*[torch.zeros(2, 3)] * 4), torch.ones(2, 3))
    assert modulation(*[torch.zeros(2, 3, dtype=torch.bfloat16)] * 4).dtype == torch.float32


@pytest.mark.parametrize("name", ["dynamo", *CREDIT])
def test_a_config_file_names_every_option_with_its_default(name: str) -> None:
    options = yaml.safe_load((config_dir() / f"advantage/{name}.yaml").read_text())
    options = {key: value for key, value in options.get("credit", options).items() if key != "method"}
    parameters = inspect.signature(CREDIT.get(name, modulation)).parameters.values()
    assert options == {each.name: each.default for each in parameters if each.default is not inspect.Parameter.empty}


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"alpha": -0.1}, "alpha=-0.1 must be"),
        ({"alpha": math.inf}, "alpha=inf must be"),
        ({"floor": 1.1}, "floor=1.1 must be"),
        ({"steepness": -1}, "steepness=-1 must be"),
        ({"alpha": "x"}, "alpha='x' must be"),
        ({"threshold": math.nan}, "threshold=nan must be"),
        ({"scope": "group"}, "scope='group' must be one of sequence, batch"),
    ],
)
def test_a_value_outside_its_range_is_refused(setting: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        modulation(*[torch.zeros(1, 1)] * 4, **setting)


def test_tensors_of_unequal_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must be \(B, T\) alike"):
        modulation(torch.zeros(2, 3), torch.zeros(2, 3), torch.zeros(2, 3), torch.zeros(2, 4))
