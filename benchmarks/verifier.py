"""Verdicts and times of dgpo, math-verify and verl's own scorers on the same cases, in one run.

    python -m benchmarks.verifier CASES.jsonl --derived 600 --output benchmarks/results/verifier

writes the table as OUTPUT.md and everything counted as OUTPUT.json. The fields of the cases are in
`verifier_cases.read_cases`. Every verifier has a process of its own and is asked a run of cases in turn, so that a busy
machine slows all alike; a call that lasts too long is killed.

The scorers run on the main thread, where math-verify's SIGALRM timeouts work. verl's prime_math hands model text to
`eval`: hostile cases reach it in an empty working directory, behind an audit hook that counts and refuses
commands, removals, and files opened for writing there.
"""

import itertools
import os
import platform
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from benchmarks.common import arguments_of, publish
from benchmarks.verifier_cases import Case, derived_negatives, hostile_cases, read_cases
from benchmarks.verifier_contenders import BASELINE, OURS, SCORERS, TIMEOUT, Contender, Outcome
from dgpo.files import replace_json
from dgpo.tables import Table

SLACK = 0.2
"""Seconds over dgpo's timeout that a hostile call may last before it counts as late."""
KILL, KILL_HOSTILE = 45.0, 6.0
"""Seconds after which a call is killed, and a hostile one."""
RUN = 16
SAME_AS_BASELINE = "math-verify 0.9.0, gold bare"
"""Runs the code of the baseline, so that hostile cases, which take minutes, would say nothing new."""


@dataclass(slots=True)
class Result:
    """What one verifier did."""

    confusion: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    killed: Counter[str] = field(default_factory=Counter)
    executed: int = 0
    late: int = 0
    growth: int = 0

    def add(self, case: Case, outcome: Outcome) -> None:
        self.seconds[case.group].append(outcome.seconds)
        self.killed[case.group] += outcome.killed
        if case.expected is not None:
            agrees = bool(outcome.right) == case.expected
            self.confusion[case.group][("T" if agrees else "F") + ("P" if outcome.right else "N")] += 1
        if case.group == "hostile":
            self.executed += outcome.executed
            self.late += outcome.seconds > TIMEOUT + SLACK

    def accuracy(self, group: str) -> float:
        counts = self.confusion[group]
        return (counts["TP"] + counts["TN"]) / max(1, sum(counts.values()))

    def quantile(self, group: str, share: float) -> float:
        return float(np.quantile(self.seconds[group], share)) if self.seconds[group] else float("nan")


def measure(cases: Sequence[Case], names: Sequence[str]) -> dict[str, Result]:
    """Ask every verifier every case: `RUN` of them in a row, as a batch would, and then the next verifier the same."""
    results = {name: Result() for name in names}
    contenders = [Contender(name) for name in names]
    console = Console(stderr=True)
    runs = [cases[start : start + RUN] for start in range(0, len(cases), RUN)]
    try:
        for run in track(runs, f"runs of {RUN} cases", console=console, disable=not console.is_terminal):
            for contender, case in itertools.product(contenders, run):
                is_hostile = case.group == "hostile"
                if is_hostile and contender.name == SAME_AS_BASELINE:
                    continue
                contender.start()
                before = contender.memory(reset=True) if is_hostile else 0
                outcome = contender.ask(case.response, case.gold, case.mode, KILL_HOSTILE if is_hostile else KILL)
                result = results[contender.name]
                result.add(case, outcome)
                if is_hostile and not outcome.killed:
                    result.growth = max(result.growth, contender.memory() - before)
    finally:
        for contender in contenders:
            contender.close()
    return results


COLUMNS = ("verifier", "core %", "TP/FP/FN/TN", "real %", "real FP", "extract %", "derived accepted")
COLUMNS += ("p50 ×", "p99 ×", "hostile: run as code", "late", "accepted", "memory +MB")


def table(results: dict[str, Result], note: str) -> Table:
    """Times are relative to math-verify's on the real outputs."""
    rows = [_cells(name, result, results.get(BASELINE)) for name, result in results.items()]
    return Table(COLUMNS, rows, notes=[note])


def _cells(name: str, result: Result, baseline: Result | None) -> list[str]:
    def share(group: str) -> str:
        return f"{100 * result.accuracy(group):.1f}" if result.confusion[group] else "–"

    def times(quantile: float) -> str:
        if baseline is None or not baseline.seconds["real"]:
            return "–"
        return f"{result.quantile('real', quantile) / baseline.quantile('real', quantile):.3f}"

    counts = result.confusion
    core = "/".join(str(counts["core"][key]) for key in ("TP", "FP", "FN", "TN"))
    derived = f"{counts['derived']['FP']} of {sum(counts['derived'].values())}"
    asked = len(result.seconds["hostile"])
    hostile = (
        [f"{result.executed} of {asked}", str(result.late), str(counts["hostile"]["FP"]), f"{result.growth / 1e6:.0f}"]
        if asked
        else ["–"] * 4
    )
    row = [share("core"), core, share("real"), str(counts["real"]["FP"]), share("extract"), derived]
    return [f"**{name}**" if name == OURS else name, *row, times(0.5), times(0.99), *hostile]


def as_json(results: dict[str, Result]) -> dict[str, Any]:
    """Everything counted, by verifier."""
    return {
        name: {
            "confusion": {group: dict(counts) for group, counts in result.confusion.items()},
            "milliseconds": {
                group: {
                    key: 1e3 * result.quantile(group, share) for key, share in (("p50", 0.5), ("p99", 0.99), ("max", 1))
                }
                for group in result.seconds
            },
            "killed": dict(result.killed),
            "executed": result.executed,
            "late": result.late,
            "memory_growth_bytes": result.growth,
        }
        for name, result in results.items()
    }


def describe(cases: Sequence[Case], label: str, results: dict[str, Result]) -> str:
    """What stands under the table."""
    sizes = Counter(case.group for case in cases if case.expected is not None or case.group == "hostile")
    base = results.get(BASELINE)
    absolute = (
        f" It took {1e3 * base.quantile('real', 0.5):.1f} ms (p50) and {1e3 * base.quantile('real', 0.99):.0f} ms "
        "(p99) here, on a machine with other work."
        if base and base.seconds["real"]
        else ""
    )
    return (
        f"Cases: {label}. Scored: {', '.join(f'{count} {group}' for group, count in sorted(sizes.items()))}. "
        "A bare answer was put into a box, so that all read the same; extract cases have no box, and dgpo read them in "
        "its extract mode. Times are relative to math-verify's (gold boxed) on the real outputs, p50 to p50 and p99 "
        f"to p99, the verifiers asked in turn, {RUN} cases at a time.{absolute} Derived: wrong numbers near right "
        "ones, spelt anew. Hostile: "
        f"late is a call over {TIMEOUT + SLACK:.1f} s (dgpo's timeout was {TIMEOUT:.0f} s; math-verify's are its own, "
        f"5 s a step), killed at {KILL_HOSTILE:.0f} s; memory is the caller's largest growth in one call. Killed calls "
        f"count as not accepted. Python {platform.python_version()}, {os.cpu_count()} cores."
    )


def main(argv: Sequence[str] | None = None) -> None:
    parser = arguments_of(__doc__)
    parser.add_argument("cases", type=Path, metavar="CASES.jsonl")
    parser.add_argument("--label", help="what the result says of the cases (default: the file's name)")
    parser.add_argument("--derived", type=int, default=600, help="wrong numbers derived (default: %(default)s)")
    parser.add_argument("--no-hostile", action="store_true", help="leave out the hostile cases, which take minutes")
    parser.add_argument("--only", action="append", choices=tuple(SCORERS), help="a verifier; may be repeated")
    arguments = parser.parse_args(argv)
    try:
        read = read_cases(arguments.cases)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    # Hostile ones last: what they leave behind in a process must not touch the other columns.
    cases = [case for case in read if case.group != "hostile"] + derived_negatives(read, arguments.derived)
    if not arguments.no_hostile:
        cases += [case for case in read if case.group == "hostile"] + hostile_cases()
    results = measure(cases, arguments.only or tuple(SCORERS))
    label = arguments.label or f"{len(read)} of {arguments.cases.name}"
    shown = table(results, describe(cases, label, results))
    publish(arguments.output and arguments.output.with_suffix(".md"), shown)
    if arguments.output:
        replace_json(arguments.output.with_suffix(".json"), as_json(results))


if __name__ == "__main__":
    main()
