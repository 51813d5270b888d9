"""Rows that are to be forgotten or kept: read, checked, and as tokens with classes.

A row has ``question``, ``messages`` (chat) or ``text`` (every token of which is the answer), an ``answer`` unless the
chat ends in one, what of it is sensitive (`dgpo.unlearning.spans`), and where a loss wants one an ``alternative``.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from dgpo.data.messages import assistant_reply, conversation, split_at_question
from dgpo.data.read import read_rows
from dgpo.errors import UserError
from dgpo.unlearning.palu import NONE, token_classes
from dgpo.unlearning.spans import Span, answer_and_spans, token_spans

WithoutSpans = Literal["refuse", "drop", "keep", "all"]


@dataclass(frozen=True)
class Row:
    """One question with its answer.

    Attributes:
        prompt: chat messages; none for a text without a question.
        spans: sensitive characters of the answer.
        alternative: an answer that shall take its place; "" for none.
        place: file and row.
    """

    prompt: tuple[Mapping[str, str], ...]
    answer: str
    spans: tuple[Span, ...]
    alternative: str
    place: str

    @property
    def key(self) -> str:
        """Equal for rows that ask the same."""
        texts = [message["content"] for message in self.prompt] or [self.answer]
        return " ".join(" ".join(texts).split()).casefold()


@dataclass
class Example:
    """A row as tokens: their ids and classes, class 0 for the prompt.

    Attributes:
        number: among the examples of a run.
        answer: number of the forget row in a batch, which an alternative shares; -1 for a retain row.
    """

    ids: list[int]
    classes: list[int]
    number: int = 0
    answer: int = -1


def read(
    path: Path, *, needs_spans: bool = False, without_spans: WithoutSpans = "refuse", inside_words: bool = False
) -> list[Row]:
    """The rows of a file of any format that `dgpo data prepare` reads.

    Args:
        needs_spans: whether a row must say what of it is sensitive.
        without_spans: what becomes of a row that has no span: refused; dropped; kept, so that its answer is only
            preserved; or sensitive as a whole.
        inside_words: whether a span may cut a word.

    Raises:
        UserError: the file cannot be read or has no rows, or a row is not as it must be.
    """
    rows = []
    for number, content in enumerate(read_rows(path), 1):
        place = f"{path}, row {number}"
        # A table has a cell for each column, empty where a row has no such thing.
        content = {key: value for key, value in content.items() if value not in (None, "")}
        content = with_answer(content)
        prompt = prompt_of(content, place)
        answer, spans = answer_and_spans(content, place, inside_words=inside_words)
        if needs_spans and not spans:
            if without_spans == "refuse":
                raise UserError(
                    f'{place}: nothing of it is sensitive; name the words in "sensitive", write "sensitive": "all", or '
                    "choose what becomes of such rows with data.without_spans=drop, keep or all (--without-spans)"
                )
            if without_spans == "drop":
                continue
            spans = [(0, len(answer))] if without_spans == "all" else []
        alternative = content.get("alternative", "")
        if not isinstance(alternative, str):
            raise UserError(f"{place}: alternative={alternative!r} is no text; write one answer")
        rows.append(Row(prompt, answer, tuple(spans or ()), alternative, place))
    if not rows:
        raise UserError(f"{path}: it has no rows that can be used; give a file with one at least")
    return rows


def with_answer(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row; one without an answer has its text as that, or the last message of its chat if it is the assistant's."""
    if {"answer", "answer_marked"} & {*row}:
        return row
    if "text" in row:
        return {**row, "answer": row["text"]}
    if turns := conversation(row.get("messages")):
        # What else is wrong with the messages is said where they are read.
        with suppress(TypeError):
            return {**row, "messages": turns[:-1], "answer": assistant_reply(turns)}
    return row


def prompt_of(row: Mapping[str, Any], place: str) -> tuple[Mapping[str, str], ...]:
    """The messages before the answer; none for a row with ``text``.

    Raises:
        UserError: it has not exactly one of ``question``, ``messages`` and ``text``, or a malformed one.
    """
    given = [key for key in ("question", "messages", "text") if key in row]
    if len(given) != 1:
        found = " and ".join(given) or f"only {', '.join(row) or 'nothing'}"
        raise UserError(f'{place}: it has {found}; give one of "question", "messages" and "text"')
    value = row[given[0]]
    if given[0] == "messages":
        try:
            turns = conversation(value) or []
            before, question = split_at_question(turns)
            split_at_question(turns[-1:])
        except TypeError as error:
            raise UserError(f"{place}: messages: {error}; write role and content, the last one the user's") from error
        said = [(each["role"], each["content"]) for each in before]
        return tuple({"role": role, "content": content} for role, content in [*said, ("user", question)])
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{place}: {given[0]}={value!r} is no text; write it out, or drop the row")
    return () if given[0] == "text" else ({"role": "user", "content": value},)


def refuse_shared(forget: Sequence[Row], retain: Sequence[Row]) -> None:
    """Raises UserError where a retain row asks what a forget row asks: one loss would undo the other."""
    known = {row.key: row.place for row in forget}
    for row in retain:
        if other := known.get(row.key):
            raise UserError(f"{row.place}: it asks what is to be forgotten by {other}; drop it from the retain rows")


class Encoder:
    """Rows as tokens of one model.

    Args:
        tokenizer: a fast one, which says where in the text its tokens are.
        template: of the prompt, with {question} in it; None for the tokenizer's chat template, or without one the
            question and a line break.
        max_length: tokens of a row at most. Longer texts become several rows; longer questions and answers are refused.

    Raises:
        UserError: the tokenizer has no offsets or no end-of-sequence token, or the template no question.
    """

    def __init__(self, tokenizer: Any, template: str | None = None, max_length: int = 512):
        if not getattr(tokenizer, "is_fast", False):
            raise UserError(
                f"model.path: its tokenizer, {type(tokenizer).__name__}, does not say where in the text its tokens are "
                "(no offsets); save a fast one in the model's folder (tokenizer.json)"
            )
        if tokenizer.eos_token_id is None:
            raise UserError("model.path: its tokenizer has no eos_token, which ends an answer; name one in its config")
        if template is not None and "{question}" not in template:
            raise UserError(f"data.template={template!r}: it has no {{question}}; write where the question stands")
        self.tokenizer, self.template, self.max_length = tokenizer, template, max_length

    def prompt(self, messages: Sequence[Mapping[str, str]]) -> list[int]:
        """Tokens before the answer."""
        if self.template is None and messages and self.tokenizer.chat_template:
            return list(
                self.tokenizer.apply_chat_template(
                    list(messages), add_generation_prompt=True, tokenize=True, return_dict=False
                )
            )
        question = "\n".join(message["content"] for message in messages)
        # By replacement: a question may have braces of its own.
        return self.text((self.template or "{question}\n").replace("{question}", question) if messages else "")

    def text(self, text: str) -> list[int]:
        """Tokens of a text from its beginning on."""
        start = [] if self.tokenizer.bos_token_id is None else [self.tokenizer.bos_token_id]
        return start + self.tokenizer.encode(text, add_special_tokens=False)

    def answer(self, text: str) -> tuple[list[int], list[Span]]:
        """Tokens of an answer without its end, and their characters."""
        encoded = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return encoded["input_ids"], encoded["offset_mapping"]

    def example(self, row: Row, first_n: int | None = None, kind: int | None = None) -> list[Example]:
        """The row as tokens; several of a long text.

        Args:
            first_n: tokens of each span that are its prefix; None for all.
            kind: class of all answer tokens, where it is not for the spans to say.

        Raises:
            UserError: the row is too long.
        """
        prompt = self.prompt(row.prompt)
        ids, offsets = self.answer(row.answer)
        spans = token_spans(offsets, row.spans, row.answer)
        if row.prompt:
            ids, spans = [*ids, self.tokenizer.eos_token_id], [*spans, -1]
        room = self.max_length - len(prompt)
        if room < 1 or (row.prompt and len(ids) > room):
            raise UserError(
                f"{row.place}: it has {len(prompt) + len(ids)} tokens; raise data.max_length={self.max_length}, or "
                "shorten the row"
            )
        if len(prompt) + len(ids) < 2:
            raise UserError(
                f"{row.place}: it is one token, which nothing before it predicts; write more, or drop the row"
            )
        classes = token_classes(torch.tensor([spans]), torch.ones(1, len(spans)), first_n)[0].tolist()
        if kind is not None:
            classes = [kind] * len(ids)
        examples = []
        for start in range(0, len(ids), room):
            part = slice(start, start + room)
            whole = Example(prompt + ids[part], [NONE] * len(prompt) + classes[part])
            whole.classes[0] = NONE  # nothing before it predicts it
            examples.append(whole)
        return examples

    def examples(self, rows: Sequence[Row], first_n: int | None = None, kind: int | None = None) -> list[Example]:
        return [example for row in rows for example in self.example(row, first_n, kind)]


def rows_of_step(count: int, size: int, step: int, seed: int) -> list[int]:
    """Numbers of a step's ``size`` rows out of ``count``, which are shuffled anew in each epoch; none of none. They
    depend on the step alone, so that a resumed run continues with the same rows."""
    numbers: list[int] = []
    if not count:
        return numbers
    epoch, first = divmod(step * size, count)
    while len(numbers) < size:
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        order = torch.randperm(count, generator=generator).tolist()
        numbers += order[first : first + size - len(numbers)]
        epoch, first = epoch + 1, 0
    return numbers
