"""A table in one JSON document, in whatever way its columns and rows are nested."""

from collections.abc import Collection, Mapping
from typing import Any


def rows_of(content: Any, wanted: Collection[str] = ()) -> list[Any] | None:
    """The rows of a table in one JSON document, each as it stands: a list of objects, what pandas' `to_json` writes in
    any orient, or a table in a wrapper. None where the document is no table.

    `wanted` are names of columns: they tell `{column: {row: value}}` from `{row: {column: value}}` where the rows
    are named by words.

    Raises ValueError for rows of unequal length, and for cells that the hub's viewer has cut short.
    """
    if isinstance(content, list):
        return content
    if not isinstance(content, dict):
        return None
    values = list(content.values())
    names, cells = content.get("columns"), content.get("data")
    if isinstance(names, list) and isinstance(cells, list) and all(isinstance(row, list) for row in cells):
        names = [".".join(map(str, each)) if isinstance(each, list) else str(each) for each in names]
        return [dict(zip(names, row, strict=True)) for row in cells]
    if values and all(isinstance(each, dict) and each for each in values):
        return _rows_of_objects(content, wanted)
    lists = [each for each in values if isinstance(each, list)]
    if len(lists) == len(values) > 1 and len(set(map(len, lists))) == 1:
        return [dict(zip(content, row, strict=True)) for row in zip(*values, strict=True)]
    return _rows_in_wrapper(content, wanted)


def _rows_of_objects(content: dict[str, dict[str, Any]], wanted: Collection[str]) -> list[Any]:
    """`{column: {row: value}}` (pandas' default) or `{row: {column: value}}`."""
    inner = list(dict.fromkeys(name for each in content.values() for name in each))
    if any(name in content for name in wanted):
        by_column = True
    elif any(name in inner for name in wanted):
        by_column = False
    else:
        by_column = all(name.isdecimal() for name in inner)
    if by_column:
        return [{column: cells.get(row) for column, cells in content.items()} for row in inner]
    return list(content.values())


def _rows_in_wrapper(content: dict[str, Any], wanted: Collection[str]) -> list[Any]:
    """The one table among what else the object says of it; else the object is a row itself."""
    tables = [each for each in content.values() if _is_table(each)]
    if "rows" in content and _is_table(content["rows"]):
        tables = [content["rows"]]  # of the hub's viewer, which describes the columns in a list beside it
    if any(name in content for name in wanted) or len(tables) != 1:
        return [content]
    rows = rows_of(tables[0], wanted) or []
    if any(isinstance(row, Mapping) and row.get("truncated_cells") for row in rows):
        raise ValueError("the hub's viewer has cut cells short: truncated_cells")
    return [row["row"] if isinstance(row, Mapping) and isinstance(row.get("row"), dict) else row for row in rows]


def _is_table(value: Any) -> bool:
    """Not the tags or the messages of a single problem."""
    if isinstance(value, dict):
        cells = list(value.values())
        return bool(cells) and all(isinstance(each, list | dict) and each for each in cells) and len(cells) > 1
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)
