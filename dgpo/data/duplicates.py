"""Distinct problems in a stream of rows: copies become one, and copies with different answers are reported.

Millions of rows may pass; each distinct problem is held in memory once.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from dgpo.data.answers import group_equal, read_answer
from dgpo.data.instructions import leftover_instruction
from dgpo.data.media import picture_in, speaks_of_picture
from dgpo.data.schema import Occurrences
from dgpo.data.solutions import is_no_answer
from dgpo.data.sources.source import Record
from dgpo.progress import ProgressBar

_LAYOUT = re.compile(
    r"\\(?:left|right|[bB]igg?[lrm]?|displaystyle|textstyle|limits|nolimits|q?quad)(?![A-Za-z])"
    r"|\\[()\[\],;:! ]|\\begin\{(?:align|equation)\*?\}|\\end\{(?:align|equation)\*?\}|[$~&\"`]|\\\\"
)
_SPELLINGS = ((re.compile(r"\\[dtc]frac(?![A-Za-z])"), r"\\frac"), (re.compile(r"\{(\w)\}"), r"\1"))
_TOKEN = re.compile(r"\\[a-z]+|\d+(?:\.\d+)?|\.\d+|[^\W\d_]+|[^\s.,;?]")
_RAISED = {"<super>": "^{%s}", "<sub>": "_{%s}", "<fraction>": " %s"}
"""How super- and subscripts are written, so that NFKC, which turns ² into 2, does not join them to a neighbour."""
Reason = tuple[str, dict[str, Any]]
"""Why a problem is dropped, and details of it."""


def tokens(problem: str) -> list[str]:
    """Words, numbers, commands and signs in lower case; layout, quotes and the signs `. , ; ?` are left out."""
    text = _LAYOUT.sub(" ", unicodedata.normalize("NFKC", _with_scripts(problem)))
    for pattern, replacement in _SPELLINGS:
        text = pattern.sub(replacement, text)
    return _TOKEN.findall(text.lower())


def normal_form(problem: str) -> str:
    """A text that is equal for two problems exactly if they differ in nothing but layout, case and punctuation."""
    return " ".join(tokens(problem)) or problem.strip()


def _with_scripts(text: str) -> str:
    """`x²` as `x^{2}`, `x₁₂` as `x_{12}`, `2½` as `2 ½`."""
    if text.isascii():
        return text
    runs = groupby(text, key=lambda each: unicodedata.decomposition(each).partition(" ")[0])
    return "".join(_RAISED.get(kind, "%s") % "".join(run) for kind, run in runs)


@dataclass(slots=True)
class Entry:
    """A distinct problem.

    Attributes:
        first: its first row that has a readable answer.
        row: place of that row in the source, from 0.
        answers: rows that give each canonical answer, in the order they were met.
        raw_answers: the source's spelling of each, where first met.
    """

    first: Record
    row: int
    answers: Counter[str] = field(default_factory=Counter)
    raw_answers: dict[str, str] = field(default_factory=dict)

    @property
    def ground_truth(self) -> str:
        """The answer that most rows give, the first of them where several are as common."""
        return self.answers.most_common(1)[0][0]


@dataclass
class Tally:
    """Rows read, rows dropped by reason, an account of each dropped problem (`describe`), remarks for the person."""

    rows_in: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    accounts: list[dict[str, Any]] = field(default_factory=list)
    remarks: Occurrences = field(default_factory=Occurrences)

    def drop(self, reason: str, rows: int, account: dict[str, Any]) -> None:
        """Count `rows` rows under `reason` and keep the account of why."""
        self.dropped[reason] += rows
        self.accounts.append({"reason": reason, "rows": rows, **account})

    def notes(self) -> list[str]:
        """The remarks, a line each."""
        return [
            f"{count:,} {what} (first: row {row}: {value!r:.60})" for what, (count, row, value) in self.remarks.items()
        ]

    def first_account(self) -> str:
        """Why the first problem was dropped."""
        if not self.accounts:
            return ""
        account = self.accounts[0]
        value = "".join(f", {key} {account[key]!r:.60}" for key in ("answer", "answers") if key in account)
        fault = account.get("fault") or account["reason"]
        return f"row {account['row']}{value}: {fault}"


def describe(first: Record, row: int, **more: object) -> dict[str, Any]:
    """What the list of dropped problems says of one."""
    return {"row": row, "id": first.id, "problem": first.problem, **more}


def drop_where(
    entries: Sequence[Entry],
    title: str,
    reason_to_drop: Callable[[Entry], Reason | None],
    tally: Tally,
) -> list[Entry]:
    """The entries without a `reason_to_drop`; `title` is the progress bar's."""
    remaining = []
    with ProgressBar(title, len(entries)) as bar:
        for entry in entries:
            if drop := reason_to_drop(entry):
                reason, details = drop
                tally.drop(reason, 1, describe(entry.first, entry.row, **details))
            else:
                remaining.append(entry)
            bar.advance(1)
    return remaining


def collect_problems(
    records: Iterable[Record], canonical: Callable[[object], str], tally: Tally, *, any_answer: bool = False
) -> list[Entry]:
    """The distinct problems in the order of their first rows, each with all its answers.

    Two problems are the same if their `normal_form` and the messages before them are. Rows are dropped that have no
    problem, no answer, an answer that is no ground truth, a picture, or text that UTF-8 cannot hold.

    Args:
        canonical: one spelling of a source's answer, as `answers.canonical_answer`.
        any_answer: the entries of a list are spellings of one answer, and the first is taken.
    """
    entries: dict[str, Entry] = {}
    # Rows that repeat an earlier one letter for letter: skipping them spares a hundred normalisations each.
    repeats: dict[tuple[str, str, str], tuple[Entry, str]] = {}
    for row, record in enumerate(records):
        tally.rows_in += 1
        before = "".join(f"{each['role']}\n{each['content']}\n" for each in record.before)
        spelling = (before, record.problem, repr(record.answer))
        if spelling in repeats:
            entry, answer = repeats[spelling]
            entry.answers[answer] += 1
        elif _has_usable_problem(record, row, tally):
            answer = _usable_answer(record, row, canonical, tally, any_answer=any_answer)
            if answer is not None:
                entry = entries.setdefault(before + normal_form(record.problem), Entry(record, row))
                entry.answers[answer] += 1
                entry.raw_answers.setdefault(answer, str(record.answer))
                repeats[spelling] = (entry, answer)
    return list(entries.values())


def _has_usable_problem(record: Record, row: int, tally: Tally) -> bool:
    """Whether a row has a problem that can be written and shown to a model; otherwise it is dropped."""
    if not _can_be_written(record):
        tally.drop("broken text", 1, {"row": row, "problem": ascii(record.problem)})
    elif is_no_answer(record.problem):
        tally.drop("no problem", 1, describe(record, row))
    elif link := picture_in(record.problem):
        tally.drop("with a picture", 1, describe(record, row, fault=f"{link!r:.60} cannot be shown to the model"))
    else:
        return True
    return False


def _usable_answer(
    record: Record, row: int, canonical: Callable[[object], str], tally: Tally, *, any_answer: bool
) -> str | None:
    """A row's canonical answer; None where it has none that can be compared, and the row is dropped."""
    reading = read_answer(record.answer, canonical, any_answer=any_answer)
    for remark in reading.remarks:
        tally.remarks.add(remark, row, record.answer)
    if speaks_of_picture(record.problem):
        tally.remarks.add("problems speak of a picture, and there is none", row, record.problem)
    for remark in record.remarks:
        tally.remarks.add(remark, row, record.problem)
    if not reading.answer or reading.fault:
        reason, why = ("unreadable answer", {"fault": reading.fault}) if reading.fault else ("empty answer", {})
        tally.drop(reason, 1, describe(record, row, answer=str(record.answer), **why))
        return None
    if instruction := leftover_instruction(record.problem):
        tally.remarks.add(f"problems still ask for {instruction}", row, record.problem)
    return reading.answer


def _can_be_written(record: Record) -> bool:
    """Whether UTF-8 can hold the row's text: not half a surrogate pair, nor the mark of a sign that a decoder lost."""
    try:
        f"{record.problem}{record.answer}{record.id}{record.level}{record.subject}".encode()
    except UnicodeEncodeError:
        return False
    return "\ufffd" not in f"{record.problem}{record.answer}"


def merge_answers(entries: Sequence[Entry], tally: Tally, *, keep_conflicts: bool) -> list[Entry]:
    """The entries with one answer each; copies are counted as duplicates.

    Answers that verify as equal are one, under the spelling met first. Where they differ the problem is dropped,
    or, with `keep_conflicts`, keeps the answer of more rows than any other has, if there is such an answer.
    """
    merged = []
    for entry in entries:
        rows = {names[0]: sum(entry.answers[name] for name in names) for names in group_equal(entry.answers)}
        best, most = Counter(rows).most_common(1)[0]
        if len(rows) > 1:
            winner = keep_conflicts and list(rows.values()).count(most) == 1
            account = describe(entry.first, entry.row, answers=rows, **({"kept": best} if winner else {}))
            tally.drop("conflicting answers", sum(rows.values()) - (most if winner else 0), account)
            if not winner:
                continue
        if most > 1:
            tally.dropped["duplicate"] += most - 1
        entry.answers = Counter({best: most})
        merged.append(entry)
    return merged
