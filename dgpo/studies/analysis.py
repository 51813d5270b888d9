"""What the runs of a study say: figures of each method at its best rate, and methods against a reference, by seeds.

A method is judged at the rate with the best mean accuracy over its seeds, at the last step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dgpo.runs.intervals import Interval, Paired, difference, false_discovery_rates, interquartile_mean, middle_mean
from dgpo.studies.records import Record
from dgpo.studies.tabular import reached
from dgpo.studies.training import KS

ACCURACY = "val-core/facts/acc/mean@1"
PASS = "val-core/facts/acc/pass@{}"
K = 32
"""Of the pass@k in tables."""
ENTROPY = "val-aux/facts/entropy"
SPIKES = "actor/grad_norm_max"


@dataclass(frozen=True)
class Method:
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


def figures(method: Method) -> dict[str, Interval]:
    """Interquartile means over the judged runs."""
    keys = {"avg": ACCURACY, f"pass@{K}": PASS.format(K), "entropy": ENTROPY}
    return {name: interquartile_mean(method.last(key)) for name, key in keys.items()}


def against(methods: Mapping[str, Method], reference: str, key: str) -> dict[str, Paired]:
    """Each other method minus the reference, by the last value of a metric; p corrected for their number."""
    differences = {
        name: difference([methods[reference].last(key)], [method.last(key)])
        for name, method in methods.items()
        if name != reference
    }
    rates = false_discovery_rates([each.p for each in differences.values()])
    return {name: replace(each, p=float(p)) for (name, each), p in zip(differences.items(), rates, strict=True)}


def level_of(methods: Mapping[str, Method]) -> float:
    """The highest accuracy that every method reaches in at least three quarters of its judged runs."""
    return float(min(np.quantile(each.largest(ACCURACY)[each.best], 0.25) for each in methods.values()))


def at_level(method: Method, level: float) -> dict[str, np.ndarray]:
    """Steps, entropy and pass@k of the judged runs where their accuracy first reaches `level`; `(S,)`, NaN if never."""
    keys = {"steps": None, "entropy": ENTROPY, f"pass@{K}": PASS.format(K)}
    values = {name: np.full(len(method.judged), np.nan) for name in keys}
    for seed, record in enumerate(method.judged):
        steps = np.flatnonzero(~np.isnan(record[ACCURACY]))
        for name, key in keys.items():
            values[name][seed] = reached(record[ACCURACY][steps], level, steps if key is None else record[key][steps])
    return values


def pass_curve(method: Method) -> np.ndarray:
    """Interquartile mean of pass@k at the end for each k of `KS`."""
    keys = [ACCURACY, *(PASS.format(k) for k in KS[1:])]
    return np.array([middle_mean(method.last(key)) for key in keys])
