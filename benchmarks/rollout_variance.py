"""Variance of the batch gradient at fixed weights: equal rollouts against DynaMO's allocation of the same total.

    python -m benchmarks.rollout_variance --model runs/quickstart/model-0 \\
        --output benchmarks/results/rollout_variance.md

The model and the problems are the quick start's. Each repeat draws 16 answers a problem and takes their gradient;
counts those answers, allocates, draws as many new ones, and takes their gradient. A problem weighs the same whatever
its answers, and an answer's advantage is its reward minus the mean of the others', so that both gradients have the same
expectation. The variance is the trace of the covariance over repeats, over all parameters.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks.common import arguments_of, publish
from dgpo.progress import ProgressBar
from dgpo.rollouts.allocation import allocate, summed_variance
from dgpo.rollouts.success import success_sigma
from dgpo.tables import Table
from dgpo.tasks.arithmetic import Problem, boxed_answer, distinct_problems
from dgpo.tasks.warm_start import answers, example

PROMPTS, N, LOW, HIGH = 8, 16, 8, 24
SETS = {"levels 1 to 3, those of its training": (1, 2, 3), "levels 1 and 5, easy or out of reach": (1, 5)}


def draw(model: Any, tokenizer: Any, problems: Sequence[Problem], n: Sequence[int], seed: int) -> list[list[str]]:
    """n_i answers to each problem."""
    asked = [problem for problem, count in zip(problems, n, strict=True) for _ in range(count)]
    texts = iter(answers(model, tokenizer, asked, greedy=False, seed=seed, batch_size=512))
    return [list(itertools.islice(texts, count)) for count in n]


def rewards(problems: Sequence[Problem], drawn: Sequence[Sequence[str]]) -> list[list[float]]:
    return [
        [float(boxed_answer(text) == problem.answer) for text in texts]
        for problem, texts in zip(problems, drawn, strict=True)
    ]


def gradient(model: Any, tokenizer: Any, problems: Sequence[Problem], drawn: Sequence[Sequence[str]]) -> Tensor:
    """∇ of the mean over problems of the mean over answers of A · log π(answer), all parameters in one vector."""
    rows = []
    for problem, texts, right in zip(problems, drawn, rewards(problems, drawn), strict=True):
        for text, reward in zip(texts, right, strict=True):
            advantage = reward - (sum(right) - reward) / (len(right) - 1)
            if advantage:
                rows.append((example(tokenizer, problem, text), advantage / len(texts) / len(problems)))
    model.zero_grad()
    for part in (rows[start : start + 64] for start in range(0, len(rows), 64)):
        ids, labels = (
            torch.nn.utils.rnn.pad_sequence(
                [torch.tensor(row[name]) for row, _ in part], batch_first=True, padding_value=padding
            )
            for name, padding in (("input_ids", 0), ("labels", -100))
        )
        logits = model(input_ids=ids).logits[:, :-1]
        losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), labels[:, 1:], reduction="none")
        (losses.sum(1) @ torch.tensor([weight for _, weight in part])).backward()
    return torch.cat([parameter.grad.flatten() for parameter in model.parameters() if parameter.grad is not None])


def total_variance(gradients: Tensor) -> float:
    """Trace of the covariance of `(repeats, parameters)`."""
    return float(gradients.var(0).sum())


def ratio(uniform: Tensor, allocated: Tensor) -> tuple[float, float, float]:
    """Variance of ``allocated`` over that of ``uniform``, with its 95 % interval by the jackknife over repeats, on the
    logarithm."""
    whole = np.log(total_variance(allocated) / total_variance(uniform))
    repeats = range(len(uniform))
    without = [
        np.log(total_variance(allocated[kept]) / total_variance(uniform[kept]))
        for kept in ([i for i in repeats if i != left] for left in repeats)
    ]
    error = np.sqrt((len(without) - 1) * np.var(without))
    return tuple(float(np.exp(each)) for each in (whole, whole - 1.96 * error, whole + 1.96 * error))


def compare(model: Any, tokenizer: Any, levels: Sequence[int], repeats: int) -> list[str]:
    """A row of the table."""
    problems = distinct_problems("validation", PROMPTS, levels=levels, seed=0)
    progress = ProgressBar(f"levels {levels}", repeats)
    gradients: list[tuple[Tensor, Tensor]] = []
    shares, spread, expected = [], [], []
    for repeat in range(repeats):
        uniform = draw(model, tokenizer, problems, [N] * PROMPTS, seed=2 * repeat)
        right = [sum(each) for each in rewards(problems, uniform)]
        sigma = [success_sigma(k, N) for k in right]
        n = allocate(sigma, N * PROMPTS, low=LOW, high=HIGH)
        allocated = draw(model, tokenizer, problems, n, seed=2 * repeat + 1)
        gradients.append(
            (gradient(model, tokenizer, problems, uniform), gradient(model, tokenizer, problems, allocated))
        )
        shares.append([k / N for k in right])
        spread.append(np.std(n))
        expected.append(summed_variance(sigma, n) / summed_variance(sigma, [N] * PROMPTS))
        progress.advance(1)
    rates = np.mean(shares, axis=0)
    certain = np.mean((rates < 0.1) | (rates > 0.9))
    value, low, high = ratio(*(torch.stack(each) for each in zip(*gradients, strict=True)))
    found = f"{value:.2f} [{low:.2f}, {high:.2f}]"
    return [f"{rates.mean():.2f}", f"{certain:.0%}", f"{np.mean(spread):.1f}", f"{np.mean(expected):.2f}", found]


def main() -> None:
    parser = arguments_of(__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=20)
    args = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype="float32")
    head = ("problems", "share right", "certain", "spread of n", "expected", "variance, of the uniform [95 %]")
    table = Table(
        head,
        [[name, *compare(model, tokenizer, levels, args.repeats)] for name, levels in SETS.items()],
        notes=[
            f"{PROMPTS} problems with {N} answers on average, from {LOW} to {HIGH}; {args.repeats} repeats. Certain: "
            "problems with a share right below 0.1 or above 0.9. Expected: Σσ²/n, of the uniform, by the counts that "
            "the rollouts were allocated by, and so too good."
        ],
    )
    publish(args.output, table, about="# Variance of the batch gradient, uniform against allocated")


if __name__ == "__main__":
    main()
