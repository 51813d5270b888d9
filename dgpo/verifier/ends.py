r"""What a reader of tokens would stumble over, set right: intervals with open ends, and degrees."""

from dataclasses import replace

from dgpo.verifier.tokens import Token


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


def with_degrees(tokens: list[Token]) -> list[Token]:
    r"""``^{\circ}`` and ``^o`` as one token."""
    found: list[Token] = []
    for token in tokens:
        if token.kind == "degree" or (token.is_("name", "o") and token.is_worded):
            if found and found[-1].is_("sign", "^"):
                found[-1] = Token("degree", "degree", r"^{\circ}")
                continue
            if len(found) > 1 and found[-1].is_("open", "{") and found[-2].is_("sign", "^"):
                found[-2:] = [Token("degree", "degree", r"^{\circ}"), Token("end", "", "")]
                continue
        if token.is_("close", "}") and found and found[-1].kind == "end":
            found.pop()
        else:
            found.append(token)
    return [token for token in found if token.kind != "end"]
