"""What a source is: where its files are, which columns hold problem and answer, and how its answers are spelt."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dgpo.data.answers import canonical_answer
from dgpo.data.cells import lookup, printed, text_of
from dgpo.data.choices import LETTER, is_option_column, option_lines, options_in, shows
from dgpo.data.damage import FORMULA, backslash_fault, repair_text
from dgpo.data.instructions import strip_instructions
from dgpo.data.media import is_media_column, media_in, prompt_fault
from dgpo.data.messages import conversation, split_at_question
from dgpo.data.schema import Message
from dgpo.data.solutions import is_solution
from dgpo.errors import UserError
from dgpo.tables import Table

Columns = tuple[str, ...]
"""Names of a column in the copies of a source; the first that a row has is read. `a.b` is a field of a struct, or a
column of that name."""


@dataclass(frozen=True)
class HubCopy:
    """A repository on the Hugging Face hub that holds the source, or a layout like it."""

    id: str = ""  # organisation/name; "" for a person's own file or folder
    # Pattern of the file names of each split, the first split is the default; none where the layout is not known.
    files: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)  # expected of each split, as far as they are known


@dataclass(frozen=True, kw_only=True)
class Source:
    """One data set. Of chat messages the last user message is the problem, and those before it stay."""

    name: str  # the key in `SOURCES`, and `data_source` of its rows
    purpose: str  # "train" or "benchmark"; training problems are compared with benchmarks when they are decontaminated
    licence: str = "see its card"  # of the first copy
    copies: tuple[HubCopy, ...] = ()  # the usual one first; none for a source that is generated
    problem: Columns = ("problem",)
    answer: Columns = ("answer",)
    id: Columns = ("id",)  # may be absent, as level and subject may, but where it `needs_id`
    level: Columns = ("level", "difficulty")
    subject: Columns = ("subject", "type")
    context: Columns = ()  # text that stands before the problem, where a row has any
    rest: Columns = ()  # text that stands after it
    system: Columns = ()  # text that becomes a system message
    needs_id: bool = False
    is_own: bool = False  # the person who brought the files can mend them: what is broken in them is an error
    canonical: Callable[[object], str] = canonical_answer  # the spelling of an answer as it is written
    template: str = "r1"  # of the prompt, unless another is asked for
    # For a source without files, makes its rows of (split, count, levels, seed); and the usual counts, by split.
    make: Callable[[str, int, Sequence[int], int], Iterator["Record"]] | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    purposes: Mapping[str, str] = field(default_factory=dict)  # of the splits that are for something else
    note: str = ""  # what a person should know before using it

    @property
    def splits(self) -> tuple[str, ...]:
        """The default split first."""
        known = tuple(self.copies[0].files if self.copies else self.counts)
        return known or (("train",) if self.purpose == "train" else ("test",))

    @property
    def columns(self) -> frozenset[str]:
        """Every column that may be read: of `a.b` both that one and `a`."""
        groups = (self.problem, self.answer, self.id, self.level, self.subject, self.context, self.rest, self.system)
        names = [name.split(".") for group in groups for name in group]
        return frozenset(".".join(parts[:end]) for parts in names for end in range(1, len(parts) + 1))

    def reads_too(self, name: str) -> bool:
        """Whether a column may hold pictures, or options or the split of a person's own problems."""
        return is_media_column(name) or (self.is_own and (is_option_column(name) or name == "split"))


@dataclass(frozen=True, slots=True)
class Record:
    """A row as it was read: the problem's text ("" for none), the raw answer, and the messages before the problem."""

    problem: str
    answer: object
    id: str = ""
    level: str = ""
    subject: str = ""
    before: tuple[Message, ...] = ()
    remarks: tuple[str, ...] = ()  # what a person should know of how it was read


def own_source(name: str, copy: HubCopy, *, problem: str, answer: str, id: str, purpose: str) -> Source:
    """A person's own data set, by the names of its columns (by default problem, answer and id).

    Columns that others have beside the problem are read too: without Alpaca's input, say, nobody could answer.
    """
    named = {problem or "problem", answer or "answer", id or "id"}

    def columns_named(*names: str) -> Columns:
        return tuple(each for name in names for each in (name, name.capitalize()) if each not in named)

    return Source(
        name=name,
        purpose=purpose or "train",
        licence="yours",
        copies=(copy,),
        problem=(problem or "problem",),
        answer=(answer or "answer",),
        id=(id or "id",),
        context=columns_named("context", "passage", "body"),
        rest=columns_named("input"),
        system=columns_named("system", "system_prompt", "system_message"),
        needs_id=bool(id),
        is_own=True,
    )


def table_of(sources: Iterable[Source]) -> Table:
    """A table of the sources with a row for each copy on the hub; a source's first copy is the default."""
    head = ("name", "hub id", "purpose", "split: rows", "licence", "note")
    rows = []
    for source in sources:
        unknown = "?" if source.copies else "any"
        for copy in source.copies or (HubCopy("-", dict.fromkeys(source.splits, "")),):
            counts = {split: f"{copy.rows[split]:,}" if split in copy.rows else unknown for split in copy.files}
            known = ", ".join(f"{split}: {count}" for split, count in counts.items())
            rows.append((source.name, copy.id, source.purpose, known, source.licence, source.note))
    notes = ("first id: the default; the others by --hub-id. Your own file: dgpo data prepare FILE --out DIR",)
    return Table(head, rows, notes=notes, whole=head[:2])


def split_name(name: str, split: str, splits: Sequence[str]) -> str:
    """The name of a split's files: the source's for its first split, NAME-SPLIT for the others."""
    return name if split == splits[0] else f"{name}-{split}"


def records(rows: Iterator[Mapping[str, Any]], source: Source, where: str) -> Iterator[Record]:
    """Each row as a `Record`.

    Raises UserError where the first row lacks the columns of problem or answer, or a value is no text; and in a
    person's own data, where a row has a picture, or text whose backslashes were lost.
    """
    for place, row in enumerate(rows):
        if place == 0:
            _require_columns(row, source, where)
        try:
            record = _record(row, source)
            if source.is_own:
                _refuse_broken(row, record)
        except TypeError as error:
            raise UserError(f"{where}, row {place}: {error}; name another column, or mend or drop the row") from error
        yield record


def _record(row: Mapping[str, Any], source: Source) -> Record:
    """A row's problem as a model will see it, with its answer; a person's own rows are repaired, with remarks."""
    before, problem = _prompt(row, source)
    answer, remarks = _first(row, source.answer), list[str]()
    around = [_optional_text(_first(row, names)) for names in (source.context, source.rest)]
    if source.is_own:
        problem, had = repair_text(problem)
        if isinstance(answer, str) and printed(answer) is None:
            answer, more = repair_text(answer)
            had += more
        remarks += [f"problems or answers had {what}" for what in dict.fromkeys(had)]
        if any(backslash_fault(formula, is_answer=True) for formula in FORMULA.findall(problem)):
            remarks.append("problems have formulas with a command, such as frac{1}{2}, that lost its backslash")
        if any(around):
            remarks.append("problems show a column beside them (context, passage, body or input)")
        if None in around:
            remarks.append("problems have a context, passage, body or input that is no text, and is not shown")
        if split := row.get("split"):
            remarks.append(f"rows are of the split {split!r:.20} by their column; all are read")
    if problem:
        problem = strip_instructions("\n".join(filter(None, (around[0], problem, around[1]))))
    if problem and source.is_own:
        beside = lookup(row, source.problem[0].rpartition(".")[0])  # `choices` beside the `stem` of a `question`
        options = options_in(row) or (options_in(beside) if isinstance(beside, Mapping) else [])
        if options and (lines := option_lines(options, problem, _canonical_or_raw(answer, source))):
            problem = f"{problem}\n{lines}"
            remarks.append("problems show their options, which are in columns of their own, below them")
        elif (options or LETTER.fullmatch(str(answer))) and not shows(problem, "AB"):
            remarks.append("answers are a letter, or rows have options, and the problem shows none with letters")
    return Record(
        problem=problem,
        answer=answer,
        id=_text_of(row, source.id),
        level=_optional_text(_first(row, source.level)) or "",
        subject=_optional_text(_first(row, source.subject)) or "",
        before=before,
        remarks=tuple(remarks),
    )


def _optional_text(value: Any) -> str | None:
    """The text or paragraphs of a cell beside a problem, "" for an empty one; None for anything else."""
    try:
        return "\n".join(map(text_of, value)) if isinstance(value, list) else text_of(value)
    except TypeError:
        return None


def _canonical_or_raw(answer: object, source: Source) -> str:
    try:
        return source.canonical(answer)
    except (TypeError, ValueError):
        return str(answer)


def _prompt(row: Mapping[str, Any], source: Source) -> tuple[tuple[Message, ...], str]:
    """The messages before the problem, and its text."""
    cell = _first(row, source.problem)
    try:
        messages = conversation(cell)
        before, problem = split_at_question(messages) if messages else ((), text_of(cell))
    except TypeError as error:
        raise TypeError(f"column {' or '.join(source.problem)}: {error}") from error
    system = _text_of(row, source.system)
    if not system or {"role": "system", "content": system} in before:
        return before, problem
    if any(message["role"] == "system" for message in before):
        raise TypeError("the messages have a system message, and the column of system messages another one")
    return ({"role": "system", "content": system}, *before), problem


def _refuse_broken(row: Mapping[str, Any], record: Record) -> None:
    if name := media_in(row):
        raise TypeError(f"column {name!r} holds a picture, sound or film, and only text is trained on")
    texts = [record.problem, *(message["content"] for message in record.before)]
    for text in texts:
        if fault := prompt_fault(text):
            raise TypeError(f"the problem {text!r:.60} {fault}")
    answer = record.answer
    if isinstance(answer, str) and (fault := backslash_fault(answer, is_answer=not is_solution(answer))):
        raise TypeError(f"the answer {answer!r:.60} {fault}")


def _require_columns(row: Mapping[str, Any], source: Source, where: str) -> None:
    if source.problem == source.answer and not conversation(_first(row, source.problem)):
        raise UserError(f"answer-field={source.answer[0]}: it is the problem's column; name another")
    wanted = [("problem", "prompt", source.problem), ("answer", "answer", source.answer)]
    wanted += [("id", "id", source.id)] if source.needs_id else []
    for role, option, names in wanted:
        if all(lookup(row, name, ...) is ... for name in names):
            raise UserError(
                f"{where}: {source.name} should have its {role} in column {' or '.join(map(repr, names))}, but the "
                f"columns are {', '.join(map(str, row))}; give the right file, or name the column: "
                f"`dgpo data prepare FILE --{option}-field COLUMN` reads any data set"
            )


def _first(row: Mapping[str, Any], names: Columns) -> Any:
    return next((value for name in names if (value := lookup(row, name)) is not None), None)


def _text_of(row: Mapping[str, Any], names: Columns) -> str:
    try:
        return text_of(_first(row, names))
    except TypeError as error:
        raise TypeError(f"column {' or '.join(names)}: {error}") from error
