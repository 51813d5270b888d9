"""What the runs of a study say: figures of each method, and a verdict for each claim of arXiv:2603.14389 on DGPO.

A method is judged at the rate with the best mean accuracy over its seeds, at the last step. A difference from the
reference is told where its rate of false discoveries is below 0.05, corrected for the number of methods.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import permutations

import numpy as np
import torch
from scipy.stats import fisher_exact

from dgpo.evaluation.statistics import (
    Interval,
    Paired,
    corrected,
    false_discovery_rates,
    interquartile_mean,
    paired_difference,
)
from dgpo.losses import Method, gradient_weight
from dgpo.losses.dgpo import DGPO
from dgpo.studies.records import Record
from dgpo.studies.tabular import reached

ACCURACY = "val-core/facts/acc/mean@1"
PASS = "val-core/facts/acc/pass@{}"
K = 32
"""Of the pass@k in tables."""
ENTROPY = "val-aux/facts/entropy"
SPIKES = "actor/grad_norm_max"
ALPHA = 0.05
SPIKE = 10.0
"""A gradient norm, before clipping, that is called a spike: ten times what is kept of it."""


@dataclass(frozen=True)
class MethodRuns:
    """The records of a method's runs, rates by seeds; figures of all are `(rates, S)`, of the judged ones `(S,)`."""

    runs: Sequence[Sequence[Record]]

    def ends(self, key: str) -> np.ndarray:
        """The last value of a metric in each run."""
        return np.array([[record[key][~np.isnan(record[key])][-1] for record in records] for records in self.runs])

    def largest(self, key: str) -> np.ndarray:
        """The largest value of a metric in each run."""
        return np.array([[np.nanmax(record[key]) for record in records] for records in self.runs])

    @cached_property
    def collapsed(self) -> np.ndarray:
        """Whether a run ended below half of the best accuracy that it had."""
        return self.ends(ACCURACY) < self.largest(ACCURACY) / 2

    @cached_property
    def best(self) -> int:
        """The index of the rate that it is judged at."""
        return int(self.ends(ACCURACY).mean(1).argmax())

    @property
    def judged(self) -> Sequence[Record]:
        """The runs at that rate."""
        return self.runs[self.best]

    def last(self, key: str) -> np.ndarray:
        """The last value of a metric in the judged runs."""
        return self.ends(key)[self.best]


@dataclass(frozen=True)
class Study:
    """Methods side by side.

    Attributes:
        losses, methods: the loss and the runs of each, by name.
        rates: of the runs.
        reference: the method with which the others are compared.
    """

    losses: Mapping[str, Method]
    methods: Mapping[str, MethodRuns]
    rates: Sequence[float]
    reference: str

    @cached_property
    def compared(self) -> Mapping[str, Mapping[str, Paired]]:
        """By measure and method: the method minus the reference, over seeds."""
        return {"avg": self.against_reference(ACCURACY), f"pass@{K}": self.against_reference(PASS.format(K))}

    def against_reference(self, key: str) -> dict[str, Paired]:
        """Each other method minus the reference, by the last value of a metric; p corrected for their number."""
        reference = self.methods[self.reference].last(key)
        others = {name: method for name, method in self.methods.items() if name != self.reference}
        return corrected({name: paired_difference([reference], [each.last(key)]) for name, each in others.items()})

    @cached_property
    def level(self) -> float:
        """The highest accuracy that every method reaches in at least three quarters of its judged runs."""
        return float(min(np.quantile(each.largest(ACCURACY)[each.best], 0.25) for each in self.methods.values()))

    def more_entropy(self, one: str, other: str) -> Paired:
        """The other's entropy minus the one's, where each first reaches the accuracy `level`."""
        return paired_difference(*([at_level(self.methods[name], self.level)["entropy"]] for name in (one, other)))


def figures(method: MethodRuns) -> dict[str, Interval]:
    """Interquartile means over the judged runs."""
    keys = {"avg": ACCURACY, f"pass@{K}": PASS.format(K), "entropy": ENTROPY}
    return {name: interquartile_mean(method.last(key)) for name, key in keys.items()}


def at_level(method: MethodRuns, level: float) -> dict[str, np.ndarray]:
    """Steps, entropy and pass@k of the judged runs where their accuracy first reaches `level`; `(S,)`, NaN if never."""
    keys = {"steps": None, "entropy": ENTROPY, f"pass@{K}": PASS.format(K)}
    values = {name: np.full(len(method.judged), np.nan) for name in keys}
    for seed, record in enumerate(method.judged):
        steps = np.flatnonzero(~np.isnan(record[ACCURACY]))
        for name, key in keys.items():
            values[name][seed] = reached(record[ACCURACY][steps], level, steps if key is None else record[key][steps])
    return values


@dataclass(frozen=True)
class Verdict:
    """A claim, the answer of the study, and its grounds."""

    claim: str
    answer: str
    grounds: str


def verdicts(study: Study) -> list[Verdict]:
    """A verdict on each claim about the reference, a dgpo, and about its powers n and m."""
    answers = [
        best("avg@k is best", study.compared["avg"]),
        best(f"pass@{K} is best", study.compared[f"pass@{K}"]),
        *entropy(study),
        collapse(study),
        spikes(study),
        *(power(letter, study) for letter in ("n", "m")),
    ]
    return [each for each in answers if each]


def best(claim: str, differences: Mapping[str, Paired]) -> Verdict:
    """Whether no method is better than the reference, and which are worse."""
    worse = [name for name, each in differences.items() if each.p < ALPHA and each.value < 0]
    better = [name for name, each in differences.items() if each.p < ALPHA and each.value > 0]
    rest = [name for name in differences if name not in worse + better]
    if better:
        answer = "does not hold"
    elif not worse:
        answer = "cannot be told"
    else:
        answer = "holds" if not rest else "holds as tied best"
    parts = (("better", better), ("worse", worse), ("not told apart", rest))
    return Verdict(claim, answer, "; ".join(f"{word}: {', '.join(names)}" for word, names in parts if names))


def entropy(study: Study) -> list[Verdict]:
    """Entropy against a hard clip, at the end and where accuracy is equal."""
    if "grpo" not in study.methods or study.reference == "grpo":
        return []
    end = paired_difference(*([study.methods[name].last(ENTROPY)] for name in ("grpo", study.reference)))
    matched = study.more_entropy("grpo", study.reference)
    return [
        Verdict("entropy stays above GRPO's, at the end", sign(end), in_nats(end)),
        Verdict(f"entropy stays above GRPO's, at accuracy {study.level:.2f}", sign(matched), in_nats(matched)),
    ]


def power(letter: str, study: Study) -> Verdict | None:
    """Whether a larger n, or m, keeps more entropy at equal accuracy, by the two DGPOs that differ most in it alone."""
    mine = [(name, loss) for name, loss in study.losses.items() if isinstance(loss, DGPO)]
    pairs = [
        (getattr(second, letter) - getattr(first, letter), one, other)
        for (one, first), (other, second) in permutations(mine, 2)
        if replace(first, **{letter: getattr(second, letter)}) == second
    ]
    if not pairs or max(pairs)[0] <= 0:
        return None
    _, one, other = max(pairs)
    matched = study.more_entropy(one, other)
    grounds = f"{other} minus {one}: {in_nats(matched)}"
    return Verdict(f"larger {letter} keeps more entropy, at accuracy {study.level:.2f}", sign(matched), grounds)


def in_nats(delta: Paired) -> str:
    return f"{delta.text('+.3f')} nats, " + ("too few runs for p" if math.isnan(delta.p) else f"p {delta.p:.2g}")


def sign(delta: Paired) -> str:
    """The answer to the claim that a difference is positive."""
    if not delta.p < ALPHA:
        return "cannot be told"
    return "holds" if delta.value > 0 else "does not hold"


def diverges(loss: Method) -> bool:
    """Whether W = F/π grows without bound as a wrong token vanishes: F does not vanish with it."""
    vanished, wrong, old = torch.tensor([-15.0]), torch.tensor([-1.0]), torch.tensor([-1.0])
    return gradient_weight(loss, vanished, wrong, old).item() > 1e-3


def collapse(study: Study) -> Verdict | None:
    """Whether runs of the methods whose W diverges collapse more often than the reference's, over all rates."""
    own = study.methods[study.reference].collapsed
    others = {
        name: study.methods[name].collapsed
        for name, loss in study.losses.items()
        if name != study.reference and diverges(loss)
    }
    if not others:
        return None
    tables = [[[runs.sum(), (~runs).sum()] for runs in (own, each)] for each in others.values()]
    p = false_discovery_rates([fisher_exact(table, alternative="less").pvalue for table in tables])  # pyright: ignore[reportAttributeAccessIssue]
    significant = [name for name, each in zip(others, p, strict=True) if each < ALPHA]
    shown = [f"{name} {each.sum()} of {each.size}" for name, each in {study.reference: own, **others}.items()]
    some = f"holds against {', '.join(significant)}" if significant else "cannot be told"
    answer = "holds" if len(significant) == len(others) else some
    return Verdict("methods whose W diverges collapse, it does not", answer, "collapsed: " + ", ".join(shown))


def spikes(study: Study) -> Verdict:
    """Whether the reference's gradient norms stay small where those of divergent methods do not."""
    largest = {name: np.median(method.largest(SPIKES), axis=1) for name, method in study.methods.items()}
    shown = [f"{name} {values.max():.3g}" for name, values in largest.items()]
    answer = "holds" if largest[study.reference].max() < SPIKE else "does not hold"
    return Verdict(
        "no spikes of its gradient norm",
        answer,
        "largest norm of a run, median over seeds, worst rate: " + ", ".join(shown),
    )
