"""Counts what rows have in common, with the first row that has it."""


class Occurrences(dict[str, tuple[int, int, object]]):
    """For each text: the number of rows it applies to, the first of them (from 0) and that row's value."""

    def add(self, text: str, row: int, value: object = None) -> None:
        """Count a row under ``text``."""
        count, first_row, first_value = self.get(text, (0, row, value))
        self[text] = count + 1, first_row, first_value

    def lines(self) -> list[str]:
        """A line for each text, with its first row; ``{value}`` in the text stands for that row's value."""
        lines = []
        for text, (count, row, value) in self.items():
            more = f" ({count - 1} more rows have it)" if count > 1 else ""
            lines.append(f"row {row}: {text.replace('{value}', f'{value!r:.80}')}{more}")
        return lines
