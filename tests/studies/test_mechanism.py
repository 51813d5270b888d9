"""The exact mechanisms against closed forms and against autograd, and the command that shows them."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from dgpo.cli import main
from dgpo.errors import UserError
from dgpo.evaluation.statistics import false_discovery_rates, interquartile_mean, paired_difference
from dgpo.losses.base import METHODS, Method, make_method
from dgpo.studies import tabular, token
from dgpo.studies.contenders import contenders


def test_a_vanishing_token_follows_the_closed_forms():
    # While π is small, d log r = -η F (1 + Σπ²) an update, the sum over the others, which is below 1.
    small = token.Start(probability=1e-4, advantage=-1.0, step=0.2)

    def fall(name: str, updates: int, **given: object) -> float:
        (path,) = token.follow(make_method(name, given), [small], updates)
        return path.log_ratio[updates // 2] - path.log_ratio[updates]

    # GPPO: F = lo = 0.8, an exponential decay.
    assert 1 < fall("gppo", 64) / (0.8 * 0.2 * 32) < 2
    # Without a clip r goes as 1/U, DGPO's as U^(-1/(n+1)): the same fall at every doubling.
    for updates in (1024, 4096):
        assert fall("cispo", updates, one_sided=True) == pytest.approx(math.log(2), rel=0.1)
        assert fall("dgpo", updates, n=1) == pytest.approx(math.log(2) / 2, rel=0.1)
        assert fall("dgpo", updates, n=3) == pytest.approx(math.log(2) / 4, rel=0.1)


def test_w_diverges_where_the_gradient_does_not():
    (gppo,), (dgpo,) = (token.follow(make_method(name, {}), [token.LEFT]) for name in ("gppo", "dgpo"))
    assert gppo.w[-1] > 1e15 and gppo.gradient.max() <= math.sqrt(2) * gppo.weight.max()
    assert dgpo.w.max() == dgpo.w[0] and dgpo.entropy[-1] > 1.2 > 1e-3 > gppo.entropy[-1]


def test_the_gradient_of_the_table_is_that_of_the_policy_loss():
    method = make_method("dgpo", {"n": 2})
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, tabular.LENGTH, tabular.TOKENS, generator=generator)
    tokens = torch.randint(tabular.TOKENS, (3, tabular.GROUP, tabular.LENGTH), generator=generator)
    advantages = torch.randn(3, tabular.GROUP, generator=generator)
    leaf = logits.clone().requires_grad_()
    log_prob = leaf.log_softmax(-1)[:, None].expand(-1, tabular.GROUP, -1, -1).gather(-1, tokens[..., None])[..., 0]
    old = log_prob.detach() + 0.4 * torch.randn(log_prob.shape, generator=generator)
    from dgpo.losses import policy_loss

    for policy in range(3):
        each = advantages[policy, :, None].expand(-1, tabular.LENGTH)
        mask = torch.ones_like(each, dtype=torch.bool)
        loss, _ = policy_loss(method, old[policy], log_prob[policy], each, mask)
        loss.backward(retain_graph=True)
    assert leaf.grad is not None and leaf.grad.flatten(1).norm(dim=1).max() < 1  # none is clipped
    ours = tabular.logits_gradient(method, logits, tokens, old, advantages)
    torch.testing.assert_close(ours, -leaf.grad, atol=1e-6, rtol=0)


def test_a_seed_of_the_table_does_not_depend_on_its_neighbours():
    method = make_method("dgpo", {})
    together, alone = (tabular.free_entropy(method, seeds) for seeds in (range(4), [2]))
    np.testing.assert_allclose([values[2] for values in together], [values[0] for values in alone], rtol=1e-4)


def test_crossings_lie_on_the_line_between_two_steps():
    success = np.array([[0.2, 0.1, 0.3], [0.6, 0.1, 0.9], [1.0, 0.2, 1.0]])
    steps, entropy = tabular.crossings(success, 2 - success)
    np.testing.assert_allclose(steps, [1.5, np.nan, 5 / 6])
    np.testing.assert_allclose(entropy, [1.2, np.nan, 1.2])


def test_intervals_hold_the_figures_that_they_are_of():
    values = [0.0, 0.4, 0.5, 0.5, 0.6, 9.0, math.nan]
    middle = interquartile_mean(values)
    assert middle.value == pytest.approx(0.5) and middle.low < 0.5 < middle.high  # the outliers are left out
    assert math.isnan(interquartile_mean([0.5, 0.7]).low)
    better = paired_difference([np.arange(8.0), [0.0]], [np.arange(8.0) + 1, [3.0]])
    assert better.value == pytest.approx(2.0) and better.improved == 1.0 and better.p < 0.05
    assert paired_difference([np.arange(8.0)], [np.arange(8.0)]).p == 1.0
    np.testing.assert_allclose(false_discovery_rates([0.01, math.nan, 0.04, 0.03]), [0.03, math.nan, 0.04, 0.04])


def test_the_command_writes_tables_and_a_figure_with_a_loss_of_one_s_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "half.py").write_text(
        "from dataclasses import dataclass\nfrom dgpo.losses import Method, register_method\n\n\n"
        "@register_method\n@dataclass(frozen=True, kw_only=True)\nclass Half(Method):\n    name = 'half'\n"
        "    def log_weight(self, log_ratio, advantages, old_log_prob):\n        return log_ratio - 0.69315\n"
    )
    words = ["lab", "mechanism", "--seeds", "3", "--out", str(tmp_path / "out")]
    assert main([*words, "--import", str(tmp_path / "half.py"), "--methods", "half", "dgpo:n=2"]) == 0
    assert "half" in capsys.readouterr().out
    written = json.loads((tmp_path / "out/mechanism.json").read_text())
    assert written["tokens"]["half"]["left"]["weight"][0] == pytest.approx(0.5, rel=1e-3)
    assert len(written["powers"]["n=1,m=1"]["entropy"]) == 3
    assert all((tmp_path / "out" / f"mechanism.{suffix}").stat().st_size for suffix in ("md", "png", "svg"))


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--methods", "nope"], "unknown policy-loss method 'nope'"),
        (["--methods", "dgpo", "dgpo"], "twice"),
        (["--import", "no_such_module"], "--import no_such_module"),
        (["--import", "{}/broken.py"], "broken.py: no loss can be loaded (invalid syntax"),
        (["--seeds", "1"], "--seeds=1"),
        (["--rare", "1"], "--rare=1"),
    ],
)
def test_what_the_lab_cannot_do_is_named(words, named, tmp_path, refused):
    (tmp_path / "broken.py").write_text("def (:")
    assert named in refused("lab", "mechanism", "--out", tmp_path, *(word.format(tmp_path) for word in words))


@pytest.mark.parametrize(
    ("log_weight", "named"),
    [
        (lambda log_ratio: log_ratio.no_such, "no_such"),
        (lambda log_ratio: log_ratio.sum(), "as many"),
        (lambda log_ratio: log_ratio * math.nan, "nan"),
    ],
)
def test_a_loss_of_one_s_own_that_gives_no_weights_is_named(log_weight, named, monkeypatch):
    class Own(Method):
        name = "own"

        def log_weight(self, log_ratio, advantages, old_log_prob):
            return log_weight(log_ratio)

    monkeypatch.setitem(METHODS, "own", Own)
    with pytest.raises(UserError, match=f"--methods own: no loss can be loaded .*{named}"):
        contenders(["own"])
