"""Reinforcement learning of small policies on `facts`: a stack of runs of one method, by rates and seeds.

Each step as in a real run: prompts, a group of answers for each, advantages normalised in the group, then `epochs`
times `updates` mini-batches of whole groups, Adam, gradients clipped to norm 1. Everything random comes from the seed,
so that runs of one seed share problems, draws and their order, and differ in nothing but loss and rate.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dgpo.losses import Method, gradient_weight
from dgpo.studies import facts, policy
from dgpo.tasks.misconceptions import believed

GROUP = 8
CLIP_NORM = 1.0
HELD_OUT = 512
"""Problems that accuracy is computed on, of each seed."""
EVERY = 2
"""Steps from one computation of the held-out accuracy to the next."""
KS = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How a batch is used: `prompts` of `GROUP` answers, read `epochs` times in `updates` mini-batches."""

    prompts: int
    epochs: int
    updates: int
    steps: int


SETTINGS = {
    "reuse": Setting(prompts=32, epochs=4, updates=16, steps=40),
    "many": Setting(prompts=128, epochs=1, updates=64, steps=30),
    "few": Setting(prompts=32, epochs=1, updates=16, steps=100),
}


@dataclass(frozen=True)
class Run:
    """A cell of a study."""

    method: str
    rate: float
    seed: int


class Adam:
    """Adam (0.9, 0.999) on rows of parameters `(R, ...)`, each with its rate, and its gradient clipped by itself."""

    def __init__(self, parameters: Tensor, rates: Sequence[float]):
        self.parameters, self.rates, self.count = parameters, torch.tensor(rates)[:, None], 0
        self.first, self.second = torch.zeros_like(parameters), torch.zeros_like(parameters)

    @torch.no_grad()
    def step(self, gradient: Tensor, scale: float = 1.0) -> Tensor:
        """Take a step; the norms `(R,)` before clipping. A gradient that is not finite leaves its row alone."""
        norm = gradient.norm(dim=1)
        sound = norm.isfinite()
        factor = (CLIP_NORM / norm.clamp(min=CLIP_NORM)).where(sound, 0.0)[:, None]
        gradient = gradient.where(sound[:, None], 0.0) * factor
        self.count += 1
        self.first.lerp_(gradient, 0.1)
        self.second.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
        size = (self.second / (1 - 0.999**self.count)).sqrt_().add_(1e-8)
        self.parameters -= scale * self.rates / (1 - 0.9**self.count) * self.first / size
        return norm


def token_gradients(
    method: Method, old_log_prob: Tensor, log_prob: Tensor, advantages: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor]:
    """The gradient of each run's policy loss in log π, and F; all `(R, B, T)`.

    It is -A·F over the run's tokens, `policy_loss` with token-mean, of many runs at once.
    """
    ratio = log_prob - old_log_prob
    weight = gradient_weight(method, ratio.flatten(0, 1), advantages.flatten(0, 1), old_log_prob.flatten(0, 1))
    weight = weight.view_as(ratio)
    return -advantages * weight * mask / mask.sum((1, 2), keepdim=True).clamp(min=1), weight


def pretrain(seeds: Sequence[int], steps: int = 1500) -> Tensor:
    """Parameters `(R, ...)` of policies that have learned from the teachers of these seeds."""
    parameters = policy.initial(seeds)
    layers, adam = policy.parts(parameters), Adam(parameters, [3e-3] * len(seeds))
    generators = [np.random.default_rng([seed, 2]) for seed in seeds]
    beliefs = [believed(seed) for seed in seeds]
    for step in range(steps):
        digits = [facts.problems(64, rng) for rng in generators]
        taught = map(facts.taught_answers, digits, beliefs, generators)
        tokens = torch.from_numpy(np.stack(list(taught)))
        context = policy.contexts(torch.from_numpy(np.stack(digits)), tokens)
        loss = -policy.of_tokens(layers, context, tokens).mean((1, 2)).sum()
        gradient = flat(torch.autograd.grad(loss, layers))
        adam.step(gradient, min(1.0, 20 * (step + 1) / steps) * (1 - step / steps))
    return parameters


def flat(gradients: Sequence[Tensor]) -> Tensor:
    """Gradients of the layers as rows `(R, ...)`, in the order of the parameters."""
    return torch.cat([each.flatten(1) for each in gradients], 1)


def train(
    method: Method, rates: Sequence[float], seeds: Sequence[int], bases: Tensor, setting: Setting
) -> Iterator[dict[str, Tensor]]:
    """Train a run for each of the paired `rates` and `seeds`, from `bases` `(R, ...)`; metrics `(R,)` of each step.

    The last ones, and every `EVERY`-th, have the held-out accuracy too, of the policy before the step. Keys are those
    of verl's and of `dgpo.losses.metrics`.
    """
    parameters = bases.clone()
    layers, adam = policy.parts(parameters), Adam(parameters, rates)
    generators = {seed: np.random.default_rng([seed, 3]) for seed in seeds}
    shared = [sorted(generators).index(seed) for seed in seeds]
    tests = [facts.problems(HELD_OUT, np.random.default_rng([seed, 4]), held_out=True) for seed in sorted(generators)]
    held_out = torch.from_numpy(np.stack(tests))[shared]
    answers = torch.from_numpy(facts.right_answers(held_out.numpy()))
    for step in range(setting.steps + 1):
        draws = [draw(generators[seed], setting) for seed in sorted(generators)]
        digits, uniforms, orders = (torch.from_numpy(np.stack(each))[shared] for each in zip(*draws, strict=True))
        batch = policy.sample(layers, digits, uniforms)
        metrics = {"actor/entropy": mean(batch.entropy, batch.mask)}
        if step % EVERY == 0 or step == setting.steps:
            metrics |= accuracy(policy.success(layers, held_out, answers))
            metrics["val-aux/facts/entropy"] = metrics["actor/entropy"]
        if step < setting.steps:
            metrics |= update(method, layers, adam, digits, batch, orders, setting)
        yield metrics


def draw(rng: np.random.Generator, setting: Setting) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What one seed draws for a step: digits `(B, ...)`, uniforms `(B, LENGTH)`, each epoch's order of prompts."""
    digits = facts.problems(setting.prompts, rng).repeat(GROUP, 0)
    uniforms = rng.random((len(digits), facts.LENGTH), dtype=np.float32)
    return digits, uniforms, np.stack([rng.permutation(setting.prompts) for _ in range(setting.epochs)])


def update(
    method: Method,
    layers: Sequence[Tensor],
    adam: Adam,
    digits: Tensor,
    batch: policy.Sample,
    orders: Tensor,
    setting: Setting,
) -> dict[str, Tensor]:
    """The updates of one step, in place; metrics `(R,)`."""
    right = torch.from_numpy(facts.right_answers(digits.numpy()))
    rewards = (batch.tokens == right).all(-1).float().unflatten(1, (setting.prompts, GROUP))
    spread = rewards - rewards.mean(-1, keepdim=True)
    advantages = (spread / (rewards.std(-1, keepdim=True) + 1e-6)).flatten(1)[..., None].expand_as(batch.log_prob)
    context = policy.contexts(digits, batch.tokens)
    rows = (orders[..., None] * GROUP + torch.arange(GROUP)).flatten(1)
    runs = torch.arange(len(rows))[:, None]
    norms, region_figures = [], []
    for chosen in rows.chunk(setting.epochs * setting.updates, dim=1):
        tokens, mask = batch.tokens[runs, chosen], batch.mask[runs, chosen]
        old, advantage = batch.log_prob[runs, chosen], advantages[runs, chosen]
        log_prob = policy.of_tokens(layers, context[runs, chosen], tokens)
        gradient, weight = token_gradients(method, old, log_prob.detach(), advantage, mask)
        norms.append(adam.step(flat(torch.autograd.grad(log_prob, layers, gradient))))
        region_figures.append(regions(method, old, log_prob.detach(), advantage, mask, weight))
    metrics = {f"actor/region/{key}": torch.stack([each[key] for each in region_figures]) for key in region_figures[0]}
    metrics = {key: each.amax(0) if key.endswith("max") else each.mean(0) for key, each in metrics.items()}
    norm = torch.stack(norms)
    metrics |= {"actor/grad_norm": norm.mean(0), "actor/grad_norm_max": norm.amax(0)}
    return metrics | {"critic/score/mean": rewards.mean((1, 2))}


def regions(
    method: Method, old: Tensor, new: Tensor, advantages: Tensor, mask: Tensor, weight: Tensor
) -> dict[str, Tensor]:
    """Share of tokens beyond each boundary, largest W on the left and largest F above it, of each run `(R,)`."""
    ratio, (low, high) = new - old, method.log_range
    wrong, good = mask & (advantages < 0), mask & (advantages > 0)
    masks = {"ln": wrong & (ratio < low), "hp": good & (ratio > high), "hn": wrong & (ratio > high)}
    tokens = mask.sum((1, 2)).clamp(min=1)
    shares = {f"{name}/share": where.sum((1, 2)) / tokens for name, where in masks.items()}
    w = weight * (-new).clamp(max=60).exp()
    return shares | {
        "ln/W_max": w.where(masks["ln"], 0.0).amax((1, 2)),
        "hn/F_max": weight.where(masks["hn"], 0.0).amax((1, 2)),
    }


def accuracy(success: Tensor) -> dict[str, Tensor]:
    """avg@k and pass@k of each run from the success rates `(R, P)`: expectations over samples."""
    success = success.double().clamp(0, 1)
    return {"val-core/facts/acc/mean@1": success.mean(1)} | {
        f"val-core/facts/acc/pass@{k}": (1 - (1 - success) ** k).mean(1) for k in KS[1:]
    }


def mean(values: Tensor, mask: Tensor) -> Tensor:
    """The mean of the masked values of each run, `(R,)`."""
    return (values * mask).sum((1, 2)) / mask.sum((1, 2)).clamp(min=1)
