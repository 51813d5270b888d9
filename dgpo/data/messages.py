"""A conversation in a cell: OpenAI's and ShareGPT's messages, their text in parts, all of it printed as text, or as
a chat template rendered it.
"""

import re
from collections.abc import Mapping
from typing import Any

from dgpo.data.cells import printed
from dgpo.data.schema import Message

_ROLES = {
    "system": "system", "developer": "system", "user": "user", "human": "user", "prompter": "user", "tool": "tool",
    "assistant": "assistant", "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant", "model": "assistant",
    "ai": "assistant",
}  # fmt: skip
_KEYS = (("role", "content"), ("from", "value"), ("role", "value"), ("from", "content"), ("role", "text"))
_TURN = re.compile(
    r"<\|(?:im_start|start_header_id)\|>\s*(\w+)\s*(?:<\|end_header_id\|>)?\s*(.*?)(?=<\|(?:im_\w+|eot_id|start_header_id)\|>|\Z)",
    re.DOTALL,
)
_TEXT_PARTS = ("text", "input_text", "output_text")


def conversation(cell: Any) -> list[Message] | None:
    """The messages in a cell, those without content left out; None where it holds none.

    Raises TypeError, with what was found, for messages that cannot be read, and for pictures and sound in them.
    """
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
    messages = [_message(each) for each in value]
    return [each for each in messages if each["content"]]


def split(messages: list[Message]) -> tuple[tuple[Message, ...], str]:
    """What stands before the last user message, and its text; answers that follow it are no part of the prompt.

    Raises TypeError where no user asks anything.
    """
    asked = [place for place, each in enumerate(messages) if each["role"] == "user"]
    if not asked:
        raise TypeError(f"no message is a user's (roles: {', '.join(each['role'] for each in messages) or 'none'})")
    return tuple(messages[: asked[-1]]), messages[asked[-1]]["content"]


def _keys_of(message: Mapping[str, Any]) -> tuple[str, str] | None:
    return next((keys for keys in _KEYS if keys[0] in message and keys[1] in message), None)


def _message(message: Mapping[str, Any]) -> Message:
    keys = _keys_of(message)
    if keys is None:
        raise TypeError(
            f"a message has {', '.join(map(str, message))}; make it {{'role': ..., 'content': ...}} "
            "(ShareGPT's {'from': ..., 'value': ...} is read too)"
        )
    role = str(message[keys[0]]).strip().lower()
    if role not in _ROLES:
        raise TypeError(f"a message has the role {role!r:.40}; use one of system, user, assistant, tool")
    if message.get("tool_calls"):
        raise TypeError("a message calls a tool (tool_calls), which a prompt of text cannot show; write it as text")
    return {"role": _ROLES[role], "content": _content(message[keys[1]])}


def _content(content: Any) -> str:
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
