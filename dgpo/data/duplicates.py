"""When two problem texts are the same problem; copies become one, and copies that disagree on the answer are found.

Reads a stream of millions of rows and keeps each distinct problem once.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from dgpo.data.answers import grouped, listed, remark, text_fault
from dgpo.data.instructions import remaining
from dgpo.data.media import picture_in, speaks_of_picture
from dgpo.data.met import Met
from dgpo.data.solutions import is_no_answer
from dgpo.data.sources.source import Record
from dgpo.progress import ProgressBar

_LAYOUT = re.compile(
    r"\\(?:left|right|[bB]igg?[lrm]?|displaystyle|textstyle|limits|nolimits|q?quad)(?![A-Za-z])"
    r"|\\[()\[\],;:! ]|\\begin\{(?:align|equation)\*?\}|\\end\{(?:align|equation)\*?\}|[$~&\"`]|\\\\"
)
_SPELLINGS_OF_ONE = "answers are lists whose entries are all equal in value; if one of them will do: --any-answer"
_SPELLINGS = ((re.compile(r"\\[dtc]frac(?![A-Za-z])"), r"\\frac"), (re.compile(r"\{(\w)\}"), r"\1"))
_TOKEN = re.compile(r"\\[a-z]+|\d+(?:\.\d+)?|\.\d+|[^\W\d_]+|[^\s.,;?]")
_RAISED = {"<super>": "^{%s}", "<sub>": "_{%s}", "<fraction>": " %s"}
"""How a run of characters of one kind is written so that NFKC, which makes ² a 2, does not join it to its neighbour."""


def tokens(problem: str) -> list[str]:
    """Words, numbers, commands and signs in lower case, without layout, quotes and the signs `. , ; ?`."""
    text = _LAYOUT.sub(" ", unicodedata.normalize("NFKC", _with_scripts(problem)))
    for pattern, replacement in _SPELLINGS:
        text = pattern.sub(replacement, text)
    return _TOKEN.findall(text.lower())


def normal_form(problem: str) -> str:
    """The same for problems that differ in layout, case and punctuation alone."""
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
    """Rows read, rows dropped by reason, the account of each dropped problem (`describe`), and of what a person should
    know besides: how often it was met, and where first.
    """

    rows_in: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    accounts: list[dict[str, Any]] = field(default_factory=list)
    remarks: Met = field(default_factory=Met)

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


def sifted(
    entries: Sequence[Entry], what: str, why: Callable[[Entry], tuple[str, dict[str, Any]] | None], tally: Tally
) -> list[Entry]:
    """The entries for which `why` gives no reason, with its account, to drop them; a bar called `what` shows them."""
    kept = []
    with ProgressBar(what, len(entries)) as bar:
        for entry in entries:
            if reason := why(entry):
                tally.drop(reason[0], 1, describe(entry.first, entry.row, **reason[1]))
            else:
                kept.append(entry)
            bar.advance(1)
    return kept


def collect(
    records: Iterable[Record], canonical: Callable[[object], str], tally: Tally, *, any_answer: bool = False
) -> list[Entry]:
    """The distinct problems in the order they were met, each with all its answers.

    Two problems are one where their `normal_form` and the messages before them are the same. Rows without a problem,
    without an answer, with one that is no ground truth, with a picture, or with text that UTF-8 cannot hold, are
    dropped. With `any_answer` the entries of a list are spellings of one answer, and the first is taken.
    """
    entries: dict[str, Entry] = {}
    # Of rows that repeat an earlier one letter for letter, which spares a hundred normalisations each.
    seen: dict[tuple[str, str, str], tuple[Entry, str]] = {}
    for row, record in enumerate(records):
        tally.rows_in += 1
        before = "".join(f"{each['role']}\n{each['content']}\n" for each in record.before)
        spelt = (before, record.problem, repr(record.answer))
        known = seen.get(spelt)
        if known is not None:
            known[0].answers[known[1]] += 1
            continue
        if not _can_be_written(record):
            tally.drop("broken text", 1, {"row": row, "problem": ascii(record.problem)})
            continue
        if is_no_answer(record.problem):
            tally.drop("no problem", 1, describe(record, row))
            continue
        if link := picture_in(record.problem):
            tally.drop("with a picture", 1, describe(record, row, fault=f"{link!r:.60} cannot be shown to the model"))
            continue
        try:
            answer = canonical(record.answer)
            if len(spellings := [each for each in map(canonical, listed(record.answer)) if each]) > 1:
                are_equal = len(grouped(spellings)) == 1
                if any_answer and not are_equal:
                    raise ValueError(
                        "the list has answers of different value, and only spellings of one may stand for it"
                    )
                if any_answer:
                    answer = spellings[0]
                elif are_equal:
                    tally.remarks.note(_SPELLINGS_OF_ONE, row, record.answer)
            fault = text_fault(answer) if answer else ""
        except (TypeError, ValueError) as error:
            answer, fault = "?", str(error)
        if what := remark(record.answer, answer):
            tally.remarks.note(what, row, record.answer)
        if speaks_of_picture(record.problem):
            tally.remarks.note("problems speak of a picture, and there is none", row, record.problem)
        for what in record.remarks:
            tally.remarks.note(what, row, record.problem)
        if not answer:
            tally.drop("empty answer", 1, describe(record, row, answer=str(record.answer)))
        elif fault:
            tally.drop("unreadable answer", 1, describe(record, row, answer=str(record.answer), fault=fault))
        else:
            key = before + normal_form(record.problem)
            entry = entries.setdefault(key, Entry(record, row))
            entry.answers[answer] += 1
            entry.raw_answers.setdefault(answer, str(record.answer))
            seen[spelt] = (entry, answer)
            if what := remaining(record.problem):
                tally.remarks.note(f"problems still ask for {what}", row, record.problem)
    return list(entries.values())


def _can_be_written(record: Record) -> bool:
    """False for half a surrogate pair, which JSON can spell and UTF-8 cannot, and where a decoder has lost a sign."""
    try:
        f"{record.problem}{record.answer}{record.id}{record.level}{record.subject}".encode()
    except UnicodeEncodeError:
        return False
    return "\ufffd" not in f"{record.problem}{record.answer}"


def settle(entries: Sequence[Entry], tally: Tally, *, keep_conflicts: bool) -> list[Entry]:
    """The entries with one answer each; copies are counted as duplicates.

    Answers that verify as equal are one, under the spelling met first. Where they differ the problem is dropped,
    or, with `keep_conflicts`, keeps the answer of more rows than any other has, if there is such an answer.
    """
    kept = []
    for entry in entries:
        rows = {names[0]: sum(entry.answers[name] for name in names) for names in grouped(entry.answers)}
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
        kept.append(entry)
    return kept
