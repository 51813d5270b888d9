"""Conversations in a cell: messages as OpenAI or ShareGPT write them, with text in parts, printed as text, or rendered
by a chat template.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from dgpo.data.cells import printed
from dgpo.data.schema import Message

_ROLES = {
    "system": "system", "developer": "system", "user": "user", "human": "user", "prompter": "user",
    "tool": "tool", "function": "tool", "observation": "tool",
    "assistant": "assistant", "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant", "model": "assistant",
    "ai": "assistant",
}  # fmt: skip
_KEYS = (("role", "content"), ("from", "value"), ("role", "value"), ("from", "content"), ("role", "text"))
_TURN = re.compile(
    r"<\|(?:im_start|start_header_id)\|>\s*(\w+)\s*(?:<\|end_header_id\|>)?\s*(.*?)(?=<\|(?:im_\w+|eot_id|start_header_id)\|>|\Z)",
    re.DOTALL,
)
_TEXT_PARTS = ("text", "input_text", "output_text")


def conversation(cell: Any) -> list[Mapping[str, Any]] | None:
    """The messages in a cell, unchanged; None where it holds no conversation."""
    value = cell
    if isinstance(cell, str):
        turns = _TURN.findall(cell)
        value = [{"role": role, "content": content} for role, content in turns] if turns else printed(cell)
    if isinstance(value, Mapping) and isinstance(inner := value.get("messages", value.get("conversations")), list):
        value = inner
    if isinstance(value, Mapping) and _keys_of(value):
        value = [value]
    if not isinstance(value, list | tuple) or not value or not all(isinstance(each, Mapping) for each in value):
        return None
    return list(value)


def split_at_question(messages: Sequence[Mapping[str, Any]]) -> tuple[tuple[Message, ...], str]:
    """The messages before the last user message, and its text. Empty messages, and those after it, are left out.

    Raises TypeError where there is no user message, and for messages that cannot be read, call a tool, or hold
    pictures or sound.
    """
    roles = [_role(each) for each in messages]
    if "user" not in roles:
        raise TypeError(f"no message is a user's (roles: {', '.join(roles)})")
    last = len(roles) - 1 - roles[::-1].index("user")
    read: list[Message] = [
        {"role": role, "content": _content(each)} for role, each in zip(roles[: last + 1], messages, strict=False)
    ]
    return tuple(each for each in read[:-1] if each["content"]), read[-1]["content"]


def assistant_reply(messages: Sequence[Mapping[str, Any]]) -> str:
    """The text of the last message, the answer in a data set of chats; TypeError where it is not the assistant's, and
    as in `split_at_question`."""
    if (role := _role(messages[-1])) != "assistant":
        raise TypeError(f"the last message is no assistant's but has the role {role}, and so no answer")
    return _content(messages[-1])


def _keys_of(message: Mapping[str, Any]) -> tuple[str, str] | None:
    return next((keys for keys in _KEYS if keys[0] in message and keys[1] in message), None)


def _role(message: Mapping[str, Any]) -> str:
    keys = _keys_of(message)
    if keys is None:
        raise TypeError(
            f"a message has {', '.join(map(str, message))}; make it {{'role': ..., 'content': ...}} "
            "(ShareGPT's {'from': ..., 'value': ...} is read too)"
        )
    role = str(message[keys[0]]).strip().lower()
    if role not in _ROLES:
        raise TypeError(f"a message has the role {role!r:.40}; use one of system, user, assistant, tool")
    return _ROLES[role]


def _content(message: Mapping[str, Any]) -> str:
    if message.get("tool_calls"):
        raise TypeError("a message calls a tool (tool_calls), which a prompt of text cannot show; write it as text")
    content = message[(_keys_of(message) or _KEYS[0])[1]]
    if content is None:
        return ""
    if isinstance(content, str):
        return content.strip()
    if not isinstance(content, list | tuple):
        raise TypeError(f"a message's content must be text or a list of parts, not {content!r:.80}")
    texts = []
    for part in content:
        kind = part.get("type", "text") if isinstance(part, Mapping) else "text"
        text = part.get("text") if isinstance(part, Mapping) else part
        if kind not in _TEXT_PARTS or not isinstance(text, str | None):
            raise TypeError(f"a message has a part of type {kind!r:.40}; only text is trained on")
        texts.append(text or "")
    return "\n".join(text.strip() for text in texts if text.strip())
