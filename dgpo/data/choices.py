"""The options of a multiple-choice problem that stand in columns of their own: whoever is to choose must see them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from dgpo.data.cells import printed, text_of

_ALL = ("options", "choices")
_ONE = re.compile(r"(?:[A-F]|(?:op|opt|option|choice)[_ ]?([a-f]|[1-6]))", re.IGNORECASE)
_LABELS, _TEXTS = ("label", "key", "letter", "id"), ("text", "value", "content", "option")


def is_option_column(name: str) -> bool:
    """Whether a column is called as those with options are: `choices`, `A`, `option_b`."""
    return name.lower() in _ALL or (_ONE.fullmatch(name) is not None and (len(name) > 1 or name.isupper()))


def options_in(row: Mapping[str, Any]) -> dict[str, str]:
    """Text of each option of a row by its letter; empty where the row has none that can be told apart and read."""
    columns = {name: value for name, value in row.items() if is_option_column(name) and value not in (None, "")}
    if all(len(name) == 1 for name in columns) and len(columns) < 3:
        return {}  # A and B may be anything
    found = next((value for name, value in columns.items() if name.lower() in _ALL), columns)
    found = printed(found) if isinstance(found, str) else found
    try:
        pairs = list(_pairs(found)) if isinstance(found, Mapping | list | tuple) else []
    except TypeError:  # the column is of something else
        return {}
    letters = [label[:1].upper() if label.isalpha() else chr(ord("A") + at) for at, (label, _) in enumerate(pairs)]
    texts = [text for _, text in pairs]
    is_choice = 2 <= len(set(letters)) == len(letters) <= 26 and all(texts)
    return dict(zip(letters, texts, strict=True)) if is_choice else {}


def _pairs(found: Any) -> Iterator[tuple[str, str]]:
    """Letter, where there is one, and text of each: of `{"A": "4"}`, `{"label": ["A"], "text": ["4"]}`, `["4"]` and
    `[{"label": "A", "text": "4"}]`."""
    if isinstance(found, Mapping):
        texts = next((found[name] for name in _TEXTS if isinstance(found.get(name), list)), None)
        if texts is not None:
            labels = next((found[name] for name in _LABELS if isinstance(found.get(name), list)), [""] * len(texts))
            yield from zip(map(text_of, labels), map(text_of, texts), strict=False)
            return
        found = [{"label": _letter(str(name)), "text": text} for name, text in found.items()]
    for each in found:
        if not isinstance(each, Mapping):
            yield "", text_of(each)
            continue
        label, text = (next((each[name] for name in names if name in each), "") for names in (_LABELS, _TEXTS))
        yield text_of(label), text_of(text)


def _letter(name: str) -> str:
    last = name[-1].upper()
    return chr(ord("A") + int(last) - 1) if last in "123456" else last


def shown(options: Mapping[str, str], problem: str, answer: object) -> str:
    """The options as lines below the problem; "" where it has them already, or the answer is none of them.

    Raises TypeError where the answer is the place of an option, which may be counted from 0 or from 1.
    """
    given, letters = str(answer).strip(), "".join(options)
    if all(re.search(rf"(?<![A-Za-z0-9]){letter}\s*[.):、．：)]", problem) for letter in letters):
        return ""
    # One letter, or several: (B), "B. 4", A and C, ['A', 'C'].
    if re.match(rf"[\s\[('\"]*[{letters}](?![^\W_])", given) or given in options.values():
        return "\n".join(f"{letter}. {text}" for letter, text in options.items())
    if options and given.isdecimal() and int(given) <= len(options):
        raise TypeError(
            f"the answer {given} is no option, and if it is the place of one, nobody knows whether they are counted "
            f"from 0 or from 1: give its letter ({', '.join(options)}) or its text"
        )
    return ""
