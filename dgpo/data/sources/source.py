"""What a source is: where its files are, which columns hold problem and answer, and how its answers are spelt."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from dgpo.data.answers import canonical_answer
from dgpo.data.prompts import strip_instructions

Purpose = Literal["train", "benchmark"]
Columns = tuple[str, ...]
"""Names of a column in the copies of a source, the first that a row has is read; `a.b` is a field of a struct."""


@dataclass(frozen=True, kw_only=True)
class HubCopy:
    """A repository on the Hugging Face hub that holds the source.

    Attributes:
        id: `organisation/name`.
        files: pattern of the file names of each split; the first split is the default.
        rows: expected rows of each split, as far as they are known.
    """

    id: str
    files: Mapping[str, str]
    rows: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Source:
    """One data set.

    Attributes:
        name: the key in `SOURCES`, and `data_source` of its rows.
        purpose: what it is for; only benchmarks are compared with when training problems are decontaminated.
        purposes: of the splits that are for something else.
        licence: of the first copy, as its card says.
        copies: repositories that hold it, the usual one first; none for a source that is generated.
        problem, answer: columns. A column of chat messages gives the content of its last user message.
        id, level, subject: columns that may be absent.
        context: column of text that stands before the problem, where a row has any.
        canonical: the spelling of an answer as it is written.
        template: name of the prompt template, unless another is asked for.
        make: for a source without files, makes its rows of (split, count, levels, seed).
        counts: rows that `make` is asked for by default, by split.
        note: what a person should know before using it.
    """

    name: str
    purpose: Purpose
    licence: str
    copies: tuple[HubCopy, ...] = ()
    problem: Columns = ("problem",)
    answer: Columns = ("answer",)
    id: Columns = ("id",)
    level: Columns = ("level", "difficulty")
    subject: Columns = ("subject", "type")
    context: Columns = ()
    canonical: Callable[[object], str] = canonical_answer
    template: str = "r1"
    make: Callable[[str, int, Sequence[int], int], Iterator["Record"]] | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    purposes: Mapping[str, Purpose] = field(default_factory=dict)
    note: str = ""

    @property
    def splits(self) -> tuple[str, ...]:
        """The default split first."""
        if self.copies or self.counts:
            return tuple(self.copies[0].files if self.copies else self.counts)
        return ("train",) if self.purpose == "train" else ("test",)

    @property
    def columns(self) -> frozenset[str]:
        """Every column that may be read, by its first name."""
        groups = (self.problem, self.answer, self.id, self.level, self.subject, self.context)
        return frozenset(name.split(".")[0] for names in groups for name in names)


@dataclass(frozen=True, slots=True)
class Record:
    """A row as it was read: text of the problem ("" for none), raw answer, and what else names it."""

    problem: str
    answer: object
    id: str = ""
    level: str = ""
    subject: str = ""


def split_name(name: str, split: str, splits: Sequence[str]) -> str:
    """What a split's files are called: one other than the first cannot take the first one's place."""
    return name if split == splits[0] else f"{name}-{split}"


def records(rows: Iterator[Mapping[str, Any]], source: Source, where: str) -> Iterator[Record]:
    """Each row as a `Record`.

    Raises ValueError where the first row lacks the columns of problem or answer, or a value is no text.
    """
    for place, row in enumerate(rows):
        if place == 0:
            _require_columns(row, source, where)
        try:
            context, problem = _text(_first(row, source.context)), _text(_first(row, source.problem))
            yield Record(
                problem=strip_instructions(f"{context}\n{problem}" if context and problem else problem),
                answer=_first(row, source.answer),
                id=_text(_first(row, source.id)),
                level=_text(_first(row, source.level)),
                subject=_text(_first(row, source.subject)),
            )
        except TypeError as error:
            raise ValueError(f"{where}, row {place}: {error}; name another column, or mend the row") from error


def _require_columns(row: Mapping[str, Any], source: Source, where: str) -> None:
    for role, option, names in (("problem", "prompt", source.problem), ("answer", "answer", source.answer)):
        if not any(_has(row, name) for name in names):
            raise ValueError(
                f"{where}: {source.name} should have its {role} in column {' or '.join(map(repr, names))}, but the "
                f"columns are {', '.join(map(str, row))}; give the right file, or name the column: "
                f"`dgpo data prepare FILE --{option}-field COLUMN` reads any data set"
            )


def _has(row: Mapping[str, Any], name: str) -> bool:
    head, _, rest = name.partition(".")
    if head not in row:
        return False
    return not rest or row[head] is None or (isinstance(row[head], Mapping) and _has(row[head], rest))


def _first(row: Mapping[str, Any], names: Columns) -> Any:
    for name in names:
        value: Any = row
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            return value
    return None


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        asked = [m for m in value if isinstance(m, Mapping) and m.get("role") == "user"]
        if asked:
            return _text(asked[-1].get("content"))
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError(f"text was expected, not {value!r:.80}")
    return str(value).strip()
