"""Values in the cells of a table: fields by their dotted name, and containers that were printed as text."""

import ast
import json
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dgpo.data.damage import backslash_fault

_OPENS = re.compile(r"""[\[{("']|b["']|(?:array|tensor|np\.\w+|Decimal|Fraction)\(""")
_WRAPPED = re.compile(r"\b(?:np\.)?(?:array|tensor|u?int\d*|float\d*|str_|bool_?|Decimal)\(")
_TAIL = re.compile(r",\s*(?:dtype|device|grad_fn)=[^()\[\],]+(?=\))")
_QUOTED = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""")
_MAX_PRINTED = 1 << 20


def lookup(row: Mapping[str, Any], name: str, missing: Any = None) -> Any:
    """The value of a column, or of a struct's field by its dotted name; `missing` where there is none, and None for any
    field of a null struct.

    A column whose own name has dots takes precedence. A struct may also be one that was printed as text.
    """
    if name in row:
        return row[name]
    for end in (place for place, sign in enumerate(name) if sign == "."):
        if (head := name[:end]) in row:
            inner = printed(row[head]) if isinstance(row[head], str) else row[head]
            if isinstance(inner, Mapping):
                return lookup(inner, name[end + 1 :], missing)
            return None if inner is None else missing
    return missing


def text_of(value: Any) -> str:
    """The text of a cell that holds text or a number; "" for an empty cell.

    Raises TypeError for anything else.
    """
    if value is None or value != value:
        return ""
    value = decoded(value) if isinstance(value, bytes) else value
    if isinstance(value, Mapping) and value:
        raise TypeError(f"text was expected, not {struct_of(list(value), next(iter(value)))}")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError(f"text was expected, not {value!r:.80}")
    return str(value).strip()


def decoded(value: bytes) -> str:
    """Bytes of UTF-8 as text; TypeError for others."""
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise TypeError(f"text was expected, not bytes that are no UTF-8: {value!r:.80}") from error


def struct_of(fields: Sequence[str], likely: str) -> str:
    """The part of an error message about a struct where text was expected; `likely` is the field that may be meant."""
    return f"a struct of {', '.join(map(str, fields))}: name the field, as in COLUMN.{likely}"


def leaves(value: Any) -> Iterator[Any]:
    """All values nested in containers, depth first."""
    if isinstance(value, Mapping | list | tuple | set):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from leaves(each)
    else:
        yield value


def printed(text: str) -> Any:
    """The container that Python, NumPy or JSON printed as `text`: `['2']`, `{"value": "2"}`, `array([7])`, `b'7'`.

    None where the text is none, or is mathematics as well: `[2, 3]` is an interval, `(1, 2)` a point, `{1, 2}` a set.
    """
    text = text.strip()
    if len(text) > _MAX_PRINTED or not _OPENS.match(text):
        return None
    for read in (json.loads, _literal):
        try:
            value = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
        if "\\\\" not in text and any(backslash_fault(each, is_answer=True) for each in _texts(value)):
            # A person wrote it, who did not double the backslashes.
            return printed(text.replace("\\", "\\\\"))
        return value if _is_no_mathematics(text, value) else None
    return None


def _literal(text: str) -> Any:
    """The Python literal in a text, after `np.int64(7)` became `(7)`, dtypes were dropped and NumPy's commas added."""
    bare, quoted = _QUOTED.sub("\0", text), _QUOTED.findall(text)
    bare = _TAIL.sub("", bare)
    while (plain := _WRAPPED.sub("(", bare)) != bare:
        bare = plain
    bare = re.sub(r"(?<=[\0}\d.])\s+(?=[\0{\-\d])", ", ", bare)
    pieces = iter(quoted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a backslash before a letter that is no escape
        return ast.literal_eval(re.sub("\0", lambda _: next(pieces), bare))


def _texts(value: Any) -> list[str]:
    texts = (each.decode(errors="replace") if isinstance(each, bytes) else each for each in leaves(value))
    return [each for each in texts if isinstance(each, str)]


def _is_no_mathematics(text: str, value: Any) -> bool:
    if isinstance(value, Mapping | bytes | str):
        return bool(value)
    if _texts(value):
        return True
    wrapped = _WRAPPED.search(text) is not None or value in ([True], [False], [None])
    spaced = text.startswith("[") and "," not in text and isinstance(value, list) and len(value) > 1
    return wrapped or spaced or value == []
