"""The laboratory's task, policies and updates: its gradient is the policy loss's, its accuracy what samples show."""

import numpy as np
import pytest
import torch

from dgpo.evaluation.statistics import pass_at_k
from dgpo.losses import METHODS, policy_loss
from dgpo.losses.base import make_method
from dgpo.studies import facts, policy, training
from dgpo.studies.contenders import PAPERS, contenders
from dgpo.tasks.misconceptions import RIGHT, WRONG, believed

TINY = training.Setting(prompts=8, epochs=2, updates=4, steps=2)
EVERY_LOSS = [*PAPERS, "dgpo:n=3,m=5,clip_ratio_c=3.0", "grpo:clip_ratio_c=None", *METHODS]


@pytest.fixture(scope="module")
def bases() -> torch.Tensor:
    return training.pretrain([0, 1], steps=500)


@pytest.mark.parametrize("name", dict.fromkeys(EVERY_LOSS))
def test_the_gradient_is_the_policy_loss_s(name, bases):
    method = contenders([name])[name]
    rng = np.random.default_rng(5)
    digits = torch.from_numpy(np.stack([facts.problems(40, rng) for _ in bases]))
    batch = policy.sample(policy.parts(bases), digits, torch.from_numpy(rng.random((2, 40, facts.LENGTH))).float())
    # The policy has moved on, so that ratios lie in every region.
    layers = policy.parts(bases + 0.1 * torch.randn(bases.shape, generator=torch.Generator().manual_seed(1)))
    advantages = torch.randn(2, 40, 1, generator=torch.Generator().manual_seed(2)).expand_as(batch.log_prob)
    log_prob = policy.of_tokens(layers, policy.contexts(digits, batch.tokens), batch.tokens)
    ratio = (log_prob - batch.log_prob).exp()[batch.mask]
    assert ratio.min() < 0.5 and ratio.max() > 2 and not batch.mask.all()
    ours, _ = training.token_gradients(method, batch.log_prob, log_prob.detach(), advantages, batch.mask)
    ours = training.flat(torch.autograd.grad(log_prob, layers, ours, retain_graph=True))
    losses = [
        policy_loss(method, batch.log_prob[run], log_prob[run], advantages[run], batch.mask[run])[0] for run in (0, 1)
    ]
    theirs = training.flat(torch.autograd.grad(losses[0] + losses[1], layers))
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)


def test_accuracy_is_what_samples_show(bases):
    digits = facts.problems(30, np.random.default_rng(0))
    samples = 400
    stacked = torch.from_numpy(digits)[None].repeat_interleave(samples, 1)
    uniforms = torch.rand(1, stacked.shape[1], facts.LENGTH, generator=torch.Generator().manual_seed(0))
    drawn = policy.sample(policy.parts(bases[:1]), stacked, uniforms)
    right = torch.from_numpy(facts.right_answers(digits))
    correct = (drawn.tokens[0].unflatten(0, (30, samples)) == right[:, None]).all(-1).sum(1).numpy()
    rates = policy.success(policy.parts(bases[:1]), torch.from_numpy(digits)[None], right[None])
    error = (rates[0] * (1 - rates[0]) / samples).sqrt().numpy()
    assert 0 < correct.sum() < 30 * samples and (np.abs(correct / samples - rates[0].numpy()) < 4 * error + 1e-3).all()
    found = training.accuracy(rates)
    for k in (8, 32):
        estimate = pass_at_k(samples, correct, k).mean()
        assert found[f"val-core/facts/acc/pass@{k}"].item() == pytest.approx(estimate, abs=0.03)


def test_answers_end_with_the_first_end(bases):
    digits = torch.from_numpy(facts.problems(200, np.random.default_rng(1)))[None]
    drawn = policy.sample(policy.parts(bases[:1]), digits, torch.rand(1, 200, facts.LENGTH))
    for tokens, mask in zip(drawn.tokens[0].tolist(), drawn.mask[0].tolist(), strict=True):
        length = tokens.index(facts.END) + 1 if facts.END in tokens else facts.LENGTH
        assert mask == [place < length for place in range(facts.LENGTH)]


def test_a_right_answer_is_the_sum_in_columns():
    digits = facts.problems(200, np.random.default_rng(0))
    powers = 10 ** np.arange(facts.COLUMNS)
    sums = (digits * powers[:, None]).sum((1, 2))
    answers = facts.right_answers(digits)
    assert (answers[:, -1] == facts.END).all()
    np.testing.assert_array_equal((answers[:, 1:-1:2] * powers).sum(1) + 1000 * answers[:, -3], sums)


def test_a_teacher_is_wrong_about_its_facts_and_rarely_about_others():
    wrong = believed(3)
    assert (wrong == wrong.T).all() and np.count_nonzero(np.triu(wrong)) == WRONG
    assert not (wrong == believed(4)).all()
    rng = np.random.default_rng(0)
    digits = facts.problems(20_000, rng)
    told = facts.taught_answers(digits, wrong, rng)[:, 1] == digits[:, 0].sum(-1) % 10
    mistaken = wrong[tuple(digits[:, 0].T)] > 0
    assert told[mistaken].mean() == pytest.approx(RIGHT, abs=0.01)
    assert told[~mistaken].mean() == pytest.approx(1 - facts.NOISE, abs=0.01)


def test_no_held_out_problem_is_trained_on():
    rng = np.random.default_rng(0)
    pairs = [
        {tuple(sorted(pair)) for pair in ((digits * 10 ** np.arange(3)[:, None]).sum(1)).tolist()}
        for digits in (facts.problems(5000, rng), facts.problems(5000, rng, held_out=True))
    ]
    assert not pairs[0] & pairs[1]


def test_a_run_does_not_depend_on_its_neighbours(bases):
    method = make_method("dgpo", {})
    together = list(training.train(method, [1e-3, 1e-2, 1e-3], [0, 1, 1], bases[[0, 1, 1]], TINY))
    alone = list(training.train(method, [1e-3], [1], bases[[1]], TINY))
    for one, other in zip(together, alone, strict=True):
        for key, values in one.items():
            torch.testing.assert_close(values[2:], other[key], rtol=1e-3, atol=1e-5, msg=key)


def test_a_policy_learns_and_its_metrics_are_those_of_a_run(bases):
    setting = training.Setting(prompts=32, epochs=1, updates=8, steps=12)
    first, *_, last = training.train(make_method("grpo", {}), [5e-4] * 2, [0, 1], bases, setting)
    key = "val-core/facts/acc/mean@1"
    assert (last[key] > 1.2 * first[key]).all()
    assert {"actor/grad_norm", "actor/region/ln/share", "critic/score/mean", "actor/entropy"} < first.keys()
    assert "actor/grad_norm" not in last


def test_a_gradient_that_is_not_finite_stops_no_other_run():
    adam = training.Adam(torch.zeros(2, 3), [0.1, 0.1])
    norms = adam.step(torch.tensor([[float("nan")] * 3, [3.0, 0.0, 4.0]]))
    assert norms[0].isnan() and norms[1] == 5
    np.testing.assert_allclose(adam.parameters, [[0, 0, 0], [-0.1, 0, -0.1]], rtol=1e-4)
