r"""What a reader of tokens would stumble over, set right: intervals with open ends, and raised marks."""

from dataclasses import replace

from dgpo.verifier.tokens import Token

_DEGREE = Token("degree", "degree", r"^{\circ}")


def with_open_ends(tokens: list[Token]) -> list[Token]:
    """``]0, 1[`` as ``(0, 1)``."""
    if not any(token.value in ("[", "]") for token in tokens):
        return tokens
    pending: list[str] = []
    for index, token in enumerate(tokens):
        following = tokens[index + 1] if index + 1 < len(tokens) else Token("end", "", "")
        if token.is_("close", "]") and not pending:
            tokens[index] = replace(token, kind="open", value="(", latex="(")
            pending.append("(")
        elif token.is_("open", "[") and pending and pending[-1] in "([" and following.kind in ("end", "join", "sign"):
            tokens[index] = replace(token, kind="close", value=")", latex=")")
            pending.pop()
        elif token.kind == "open":
            pending.append(str(token.value))
        elif token.kind == "close" and pending:
            pending.pop()
    return tokens


def with_marks(tokens: list[Token]) -> list[Token]:
    r"""``^{\circ}``, ``^o`` and ``^{\prime}`` as one token each."""
    found: list[Token] = []
    for token in tokens:
        found.append(token)
        is_closed = len(found) > 3 and token.is_("close", "}") and found[-3].is_("open", "{")
        width, mark = (4, found[-2]) if is_closed else (2, token)
        is_degree = mark.kind == "degree" or (mark.is_("name", "o") and mark.is_worded)
        if (is_degree or mark.is_("sign", "'")) and len(found) >= width and found[-width].is_("sign", "^"):
            found[-width:] = [_DEGREE if is_degree else mark]
    return found
