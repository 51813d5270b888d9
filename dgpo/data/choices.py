"""Multiple-choice problems whose options are in columns of their own: a model must see them to choose."""

import re
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from string import ascii_uppercase
from typing import Any

from dgpo.data.cells import printed, text_of

_ALL = ("options", "choices", "endings")
_ONE = re.compile(r"(?:[A-F]|(?:op|opt|option|choice)[_ ]?([a-f]|[1-6]))", re.IGNORECASE)
_LABELS, _TEXTS = ("label", "key", "letter", "id"), ("text", "value", "content", "option")
_MARK = re.compile(r"(?:\A|(?<=[\s,;|]))\(?([A-Z])\s*[.):、．：]\s*", re.IGNORECASE)
"""A letter as it stands before its option: `A.`, `(A)`."""
LETTER = re.compile(r"(?:\\(?:boxed|text\w*|math\w+)|\W)*([A-J])\W*")
"""A letter and what may stand around it: `(B)`, `\\text{B}`."""
Option = tuple[str, str]
"""Its label in the source, "" where it has none, and its text."""


def is_option_column(name: str) -> bool:
    """Whether a column's name is that of an option or of all options: `choices`, `A`, `option_b`."""
    return name.lower() in _ALL or (_ONE.fullmatch(name) is not None and (len(name) > 1 or name.isupper()))


def options_in(row: Mapping[str, Any]) -> list[Option]:
    """The options of a row; none where there are fewer than two, or they cannot be read or told apart."""
    columns = {name: value for name, value in row.items() if is_option_column(name) and value not in (None, "")}
    if all(len(name) == 1 for name in columns) and len(columns) < 3:
        return []  # A and B may be anything
    given = next((value for name, value in columns.items() if name.lower() in _ALL), columns)
    try:
        options = _pairs(given)
    except TypeError:  # the column is of something else
        return []
    # With its own letter in its text as well: ["A. 4", "B. 7"].
    marks = [_MARK.match(text) for _, text in options]
    if all(mark and mark[1].upper() == letter for mark, letter in zip(marks, ascii_uppercase, strict=False)):
        options = [(label, _MARK.sub("", text, count=1)) for label, text in options]
    labels = _letters(options)
    is_choice = 2 <= len(set(labels)) == len(options) and all(text for _, text in options)
    return options if is_choice else []


def _pairs(given: Any) -> list[Option]:
    """Options in any of the forms `{"A": "4"}`, `{"label": ["A"], "text": ["4"]}`, `["4"]`, `A. 4, B. 7`,
    `[{"label": "A", "text": "4"}]`, or one of these printed as text."""
    if isinstance(given, str):
        inner = printed(given)
        if inner is None:
            _, *parts = _MARK.split(given)
            return [(label, text.strip(" \n,;|")) for label, text in zip(parts[::2], parts[1::2], strict=True)]
        given = () if isinstance(inner, str | bytes) else inner
    if isinstance(given, Mapping):
        texts = next((given[name] for name in _TEXTS if isinstance(given.get(name), list)), None)
        if texts is None:
            return [(str(name)[-1:], text_of(text)) for name, text in given.items()]
        labels = next((given[name] for name in _LABELS if isinstance(given.get(name), list)), ())
        return [(text_of(label), text_of(text)) for label, text in zip_longest(labels, texts)]
    return [_pair(each) if isinstance(each, Mapping) else ("", text_of(each)) for each in given]


def _pair(option: Mapping[str, Any]) -> Option:
    label, text = (next((option[name] for name in names if name in option), "") for names in (_LABELS, _TEXTS))
    return text_of(label), text_of(text)


def _letters(options: Sequence[Option]) -> list[str]:
    """A letter for each option: its own label if that is a letter, else the letter of its position; at most 26."""
    both = zip(options, ascii_uppercase, strict=False)
    return [label[:1].upper() if label.isalpha() else letter for (label, _), letter in both]


def shows(problem: str, labels: Sequence[str]) -> bool:
    """Whether a problem has a mark such as `A.` or `(A)` for each label."""
    return all(re.search(rf"(?<![A-Za-z0-9]){label}\s*[.):、．：](?!\d)", problem) for label in labels)


def option_lines(options: Sequence[Option], problem: str, answer: str) -> str:
    """The options as lines to put below the problem; "" where it shows them already, or the answer is none of them.

    Raises TypeError where the answer is an option's position, which may count from 0 or from 1, or the letter of no
    option.
    """
    own = [label for label, _ in options]
    labels = own if answer.isdecimal() and answer in own else _letters(options)
    if shows(problem, labels):
        return ""
    if letter := LETTER.fullmatch(answer):
        answer = letter[1]
    # One label, or several: (b), "B. 4", A and C.
    first, alone = re.match(r"\(?(\w)(?!\w)", answer), answer.strip("()").upper()
    if alone in labels or (first and first[1] in labels) or answer in [text for _, text in options]:
        return "\n".join(f"{label}. {text}" for label, (_, text) in zip(labels, options, strict=True))
    is_place = answer.isdecimal() and int(answer) <= len(options)
    if is_place or ((len(answer) > 1 or answer.isupper()) and _ONE.fullmatch(answer)):
        raise TypeError(
            f"the answer {answer} is no option: give its letter ({', '.join(labels)}) or its text (of a place nobody "
            "knows whether it is counted from 0 or from 1)"
        )
    return ""
