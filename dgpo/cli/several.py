"""Options that take several values after their name, as in ``--levels 1 2``."""

from typing import Any

from typer.core import TyperCommand, TyperOption


class SeveralValues(TyperCommand):
    """A command whose list options take all words up to the next option.

    Typer alone wants the name before each value, ``--levels 1 --levels 2``, which works as well.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        options = [option for option in self.params if isinstance(option, TyperOption) and option.multiple]
        lists = {name for option in options for name in option.opts}
        name, spread = "", []
        for word in args:
            if word.startswith("-"):
                name = word if word in lists else ""
            elif name and spread[-1] != name:
                spread.append(name)
            spread.append(word)
        return super().parse_args(ctx, spread)
