"""What was met in rows: how often, and where first."""


class Met(dict[str, tuple[int, int, object]]):
    """Number of rows, first row from 0 and its value, by what they have."""

    def note(self, what: str, row: int, value: object = None) -> None:
        """Count a row."""
        count, first, its_value = self.get(what, (0, row, value))
        self[what] = count + 1, first, its_value

    def faults(self) -> list[str]:
        """A line each, with the first row; `{value}` stands for its value."""
        lines = []
        for what, (count, row, value) in self.items():
            more = f" ({count - 1} more rows have it)" if count > 1 else ""
            lines.append(f"row {row}: {what.replace('{value}', f'{value!r:.80}')}{more}")
        return lines
