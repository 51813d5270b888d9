"""One HTML file with everything in it, from the parts in ``page/`` and data as JSON.

Model output is hostile: the data is JSON in ASCII without ``<``, ``>`` and ``&``, the script makes elements of text
alone, and a Content-Security-Policy lets the page run its own script, named by its hash, and load nothing.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dgpo.files import make_folder, replace_text

PARTS = Path(__file__).with_name("page")
SCRIPTS = ("losses", "data", "dom", "curves", "loss", "answers", "groups", "main")
TEXT_CHARS = 50_000
"""Of a prompt, a ground truth or an answer without tokens; the rest is left out."""
ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&"}


def page(data: Mapping[str, Any]) -> str:
    """The HTML of ``data``, whose ``name`` is the title."""
    script = '"use strict";\n' + "\n".join((PARTS / f"{name}.js").read_text("utf-8") for name in SCRIPTS)
    style = (PARTS / "page.css").read_text("utf-8")
    environment = Environment(loader=FileSystemLoader(PARTS), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("page.html").render(
        title=str(data["name"]).encode("utf-8", "replace").decode(),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        data=as_json(data),
    )


def write_page(file: Path, data: Mapping[str, Any]) -> Path:
    """Write the page of ``data`` to ``file``; UserError where that cannot be."""
    make_folder(file.absolute().parent, "--out")
    return replace_text(file, page(data))


def as_json(data: Mapping[str, Any]) -> str:
    """JSON that a ``script`` element may hold: nothing in it ends the element or begins a comment."""
    return json.dumps(data, allow_nan=False, separators=(",", ":")).translate(ESCAPES)


def _hash(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def shown_messages(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Chat messages as the page's script draws them."""
    return [
        {"role": str(each.get("role", "")), "content": clipped(text_of(each.get("content", "")))} for each in messages
    ]


def question_of(messages: Sequence[Mapping[str, Any]]) -> str:
    """What was asked last."""
    return text_of(messages[-1].get("content", "")) if messages else ""


def text_of(content: Any) -> str:
    """A message's content, which may be a list of parts."""
    return content if isinstance(content, str) else json.dumps(content)


def clipped(text: str) -> str:
    """The beginning of a text that is longer than `TEXT_CHARS`, and how much is left out."""
    return text if len(text) <= TEXT_CHARS else f"{text[:TEXT_CHARS]} … {len(text) - TEXT_CHARS} more characters"
