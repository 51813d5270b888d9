"""The arguments of LaTeX commands."""

import re

from dgpo.verifier.tokens import Unreadable

_SYMBOL = re.compile(r"\\[A-Za-z]+|\\?.", re.DOTALL)
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)


def argument(text: str, at: int) -> tuple[str, int]:
    """The group or the symbol that follows ``at``, and where it ends."""
    while text[at : at + 1].isspace():
        at += 1
    if text[at : at + 1] != "{":
        found = _SYMBOL.match(text, at)
        return (found.group(), found.end()) if found and found.group() not in "}" else ("", at)
    depth = 0
    for brace in _BRACE.finditer(text, at):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)
        if depth == 0:
            return text[at + 1 : brace.start()], brace.end()
    raise Unreadable("a brace does not close")
