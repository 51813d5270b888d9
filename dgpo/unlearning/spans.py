"""Which characters of an answer are sensitive, as its row says, and which of its tokens that makes.

A row says it in one of these ways:

    {"answer": "She was born in Kuwait City.", "sensitive": ["Kuwait City"]}      each place where the words stand
    {"answer": ..., "sensitive": [{"text": "Kuwait", "occurrence": 2}]}           one of them, counted from 1
    {"answer": ..., "sensitive": [[16, 27]]}                                      characters from 16 up to 27
    {"answer": ..., "sensitive": "all"}                                           the whole answer
    {"answer_marked": "She was born in [[Kuwait City]]."}                         marks in the answer
    {"answer": ..., "target_words": [{"word": "Kuwait City", "start": 16, "end": 27}]}   TOFU's released span files

Nothing is guessed: what may be meant otherwise is an error.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from dgpo.errors import UserError

Span = tuple[int, int]
"""Characters from the first up to, not including, the second."""
WAYS = ("sensitive", "answer_marked", "target_words")
MARK = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)


def answer_and_spans(
    row: Mapping[str, Any], place: str, *, inside_words: bool = False
) -> tuple[str, list[Span] | None]:
    """The answer of a row without marks, and its sensitive spans in order; None where the row does not say.

    Args:
        place: file and row, for the messages.
        inside_words: whether a span may begin or end within a word.

    Raises:
        UserError: no answer, more than one way, a span that is not found, empty, outside the answer, that overlaps
            another or cuts a word.
    """
    ways = [way for way in WAYS if row.get(way) is not None]
    if len(ways) > 1:
        raise UserError(f"{place}: it has {' and '.join(ways)}; say what is sensitive in one way")
    way = ways[0] if ways else ""
    if way == "answer_marked":
        answer, spans = unmarked(row[way], place)
        if row.get("answer") not in (None, answer):
            raise UserError(f"{place}: answer={row['answer']!r:.80} is not answer_marked without its marks; drop it")
    else:
        answer = row.get("answer")
        if not isinstance(answer, str) or not answer.strip():
            raise UserError(f"{place}: answer={answer!r} is no text; give the answer that is to be forgotten or kept")
        if not way:
            return answer, None
        if way == "sensitive":
            spans = spans_from_list(row[way], answer, f"{place}: {way}")
        else:
            spans = spans_from_target_words(row[way], answer, place)
    spans = sorted(set(spans))
    for span in spans:
        check_span(span, answer, place, inside_words=inside_words)
    for one, other in pairwise(spans):
        if other[0] < one[1]:
            pair = f"{describe_span(one, answer)} and {describe_span(other, answer)}"
            raise UserError(f"{place}: the spans {pair} overlap; join them or drop one")
    return answer, spans


def describe_span(span: Span, answer: str) -> str:
    return f"{answer[slice(*span)]!r} [{span[0]}, {span[1]}]"


def check_span(span: Span, answer: str, place: str, *, inside_words: bool) -> None:
    """Raises UserError for a span that is empty, outside the answer, or cuts a word where it may not."""
    start, end = span
    if not 0 <= start < end <= len(answer):
        raise UserError(
            f"{place}: the span [{start}, {end}] is empty or outside the answer of {len(answer)} characters; give "
            "offsets of characters in the answer, the end not included"
        )
    if not answer[start:end].strip():
        raise UserError(f"{place}: the span [{start}, {end}] holds nothing but blanks; drop it")
    if not inside_words and cuts_word(span, answer):
        around = answer[max(0, start - 12) : end + 12]
        raise UserError(
            f"{place}: the span {describe_span(span, answer)} cuts a word of {around!r}; take the whole word, or allow "
            "it with data.inside_words=true (--inside-words)"
        )


def unmarked(text: Any, place: str) -> tuple[str, list[Span]]:
    """The text without its marks, and where they were."""
    if not isinstance(text, str) or not text.strip():
        raise UserError(f"{place}: answer_marked={text!r} is no text; give the answer with [[sensitive words]]")
    spans, answer = [], ""
    for number, piece in enumerate(MARK.split(text)):
        if number % 2:  # what stood between marks
            spans.append((len(answer), len(answer) + len(piece)))
        answer += piece
    if "[[" in answer or "]]" in answer:
        raise UserError(f"{place}: answer_marked has a mark without its other half; write [[ and ]] around each span")
    return answer, spans


def spans_from_list(entries: Any, answer: str, place: str) -> list[Span]:
    """Spans of the entries of ``sensitive``."""
    if entries == "all":
        return [(0, len(answer))]
    if isinstance(entries, str):
        entries = parse_json(entries, place)
    if not isinstance(entries, Sequence):
        raise UserError(f'{place}={entries!r}: it is no list; write a list of strings or [start, end], or "all"')
    if len(entries) == 2 and all(isinstance(each, int) for each in entries):
        raise UserError(f"{place}={entries!r}: one span is a list in the list; write [{entries!r}]")
    return [span for entry in entries for span in spans_of(entry, answer, place)]


def spans_of(entry: Any, answer: str, place: str) -> list[Span]:
    """Spans of one entry of ``sensitive``; words stand for the places where they are whole, or else for all."""
    match entry:
        case str():
            text, occurrence = entry, None
        case {"text": text, **rest} if {*rest} <= {"occurrence"}:
            occurrence = rest.get("occurrence")
        case [int() as start, int() as end] if bool not in (type(start), type(end)):
            return [(start, end)]
        case _:
            raise UserError(
                f'{place}: {entry!r} is no span; write "words", {{"text": "words", "occurrence": 1}} or [start, end]'
            )
    pattern = re.escape(text) if isinstance(text, str) and text.strip() else "(?!)"
    places = [found.span() for found in re.finditer(pattern, answer)]
    if not places:
        other = re.search(pattern, answer, re.IGNORECASE)
        hint = f" (it has {other[0]!r})" if other else ""
        raise UserError(f"{place}: {text!r} is not in the answer{hint}; copy the words from the answer as they stand")
    places = [span for span in places if not cuts_word(span, answer)] or places
    if occurrence is None:
        return places
    if not isinstance(occurrence, int) or not 1 <= occurrence <= len(places):
        raise UserError(
            f"{place}: occurrence={occurrence!r} of {text!r}, which stands there {len(places)} times; count from 1"
        )
    return [places[occurrence - 1]]


def is_word(character: str) -> bool:
    """A letter or digit of a script that puts blanks between words: Chinese, Japanese and Thai have no words to cut."""
    return character.isalnum() and not "\u0e00" <= character <= "\u0eff" and not "\u3040" <= character <= "\u9fff"


def cuts_word(span: Span, answer: str) -> bool:
    """Whether an end of the span is between two letters, or a letter and its accent or vowel sign."""

    def is_mark(character: str) -> bool:
        return unicodedata.category(character)[0] == "M"

    for at in span:
        if 0 < at < len(answer):
            before = next((each for each in reversed(answer[:at]) if not is_mark(each)), "")
            if is_mark(answer[at]) or (is_word(before) and is_word(answer[at])):
                return True
    return False


def spans_from_target_words(words: Any, answer: str, place: str) -> list[Span]:
    """Spans of TOFU's ``target_words``: objects of word, start and end, as a list or as JSON in a text."""
    entries = parse_json(words, f"{place}: target_words") if isinstance(words, str) else words
    try:
        for entry in entries:
            if (there := answer[entry["start"] : entry["end"]]) != entry["word"]:
                raise UserError(
                    f"{place}: target_words has {entry['word']!r} at [{entry['start']}, {entry['end']}], where the "
                    f"answer has {there!r}; take the answer that the file was made for, or correct the offsets"
                )
        return [(entry["start"], entry["end"]) for entry in entries]
    except (TypeError, KeyError) as error:
        raise UserError(
            f'{place}: target_words={str(words)[:80]!r}: expected a list of {{"word": ..., "start": ..., "end": ...}}'
        ) from error


def parse_json(text: str, place: str) -> Any:
    """A list that a cell holds as JSON text."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise UserError(
            f'{place}={text[:80]!r}: it is no list; write a list of strings or [start, end], or "all"'
        ) from error


def token_spans(offsets: Sequence[Span], spans: Sequence[Span], answer: str) -> list[int]:
    """For each token the number of the span it is in, or -1. Blanks at the start of a token do not count."""
    numbers = []
    for start, end in offsets:
        while start < end and answer[start].isspace():
            start += 1
        numbers.append(next((n for n, (left, right) in enumerate(spans) if start < right and end > left), -1))
    return numbers
