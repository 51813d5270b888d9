"""One HTML file with everything in it, from the parts in ``page/`` and data as JSON: groups of answers and why each was
right or wrong. It can be served to this machine.

Model output is hostile: the data is JSON in ASCII without ``<``, ``>`` and ``&``, the script makes elements of text
alone, and a Content-Security-Policy lets the page run its own script, named by its hash, and load nothing.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dgpo.errors import UserError
from dgpo.files import make_folder, replace_text
from dgpo.verifier.explain import explain
from dgpo.verifier.stages import Mode

PARTS = Path(__file__).with_name("page")
SCRIPTS = ("losses", "data", "dom", "curves", "loss", "answers", "groups", "main")
PAGE_CHARS = 8_000_000
TEXT_CHARS = 50_000
"""Of a prompt, a ground truth or an answer without tokens; the rest is left out."""
EXPLAINED_CHARS = 20_000
"""Of an answer whose verdict is explained."""
ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&"}
REASONS = {
    "match": "right",
    "mismatch": "compared, and different",
    "no_answer": "no answer found; often a response that was cut off",
    "hedge": "several answers at once",
    "echo": "an expression of the problem, handed back",
    "unparsed": "written in another way than the ground truth, and nothing that can be compared",
    "too_large": "past the limits on length and size",
    "timeout": "no decision in time",
    "bad_gold": "the ground truth cannot be read; correct the data",
}


def write_page(file: Path, data: Mapping[str, Any]) -> Path:
    """Write the page of ``data``, whose ``name`` is the title; UserError where that cannot be."""
    script = '"use strict";\n' + "\n".join((PARTS / f"{name}.js").read_text("utf-8") for name in SCRIPTS)
    style = (PARTS / "page.css").read_text("utf-8")
    environment = Environment(loader=FileSystemLoader(PARTS), autoescape=True, undefined=StrictUndefined)
    page = environment.get_template("page.html").render(
        title=str(data["name"]).encode("utf-8", "replace").decode(),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        data=as_json(data),
    )
    make_folder(file.absolute().parent, "--out")
    return replace_text(file, page)


def as_json(data: Mapping[str, Any]) -> str:
    """JSON that a ``script`` element may hold: nothing in it ends the element or begins a comment."""
    return json.dumps(data, allow_nan=False, separators=(",", ":")).translate(ESCAPES)


def _hash(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def first_fitting(groups: Iterable[dict[str, Any]], limit: int) -> tuple[list[dict[str, Any]], bool]:
    """The first groups that a page of ``limit`` answers has room for, one at least, and whether they are all."""
    fitting, size, answers = [], 0, 0
    for group in groups:
        size, answers = size + len(as_json(group)), answers + len(group["answers"])
        if fitting and (answers > limit or size > PAGE_CHARS):
            return fitting, False
        fitting.append(group)
    return fitting, True


def shown_group(
    messages: Sequence[Mapping[str, Any]], ground_truth: str | None, answers: Sequence[Any], **more: Any
) -> dict[str, Any]:
    """A prompt with its answers (`shown_answer`), as the page's script draws them."""
    prompt = [{"role": str(each.get("role", "")), "content": clipped(_content(each))} for each in messages]
    return {
        "prompt": prompt,
        "question": clipped(question_of(messages)),
        "gold": None if ground_truth is None else clipped(ground_truth),
        "answers": answers,
        **more,
    }


def shown_answer(
    said: Mapping[str, Any], response: str, ground_truth: str | None, mode: str | None, **more: Any
) -> dict[str, Any]:
    """An answer as the page's script draws it.

    Args:
        said: what the reward function said of the response.
        mode: the verifier's; None where another reward function judged.
    """
    reason = said.get("reason")
    return {
        "reason": reason if isinstance(reason, str) else None,
        "words": verdict_sentence(said, ground_truth),
        "judged": _explanation(said, response, ground_truth, mode),
        **more,
    }


def verdict_sentence(said: Mapping[str, Any], ground_truth: str | None) -> str:
    """What `rewards.verl.compute_score` said of a response, as one sentence; "" for another reward function's."""
    reason = said.get("reason")
    if not isinstance(reason, str) or reason not in REASONS:
        return ""
    read = f"read “{said['pred']}”, the ground truth is “{ground_truth}”" if said.get("pred") else ""
    stage = f"decided by the {said['stage']} stage" if said.get("stage") else ""
    verdict = "right" if reason == "match" else f"wrong: {REASONS[reason]}"
    return "; ".join(filter(None, (verdict, read, stage)))


def _explanation(said: Mapping[str, Any], response: str, ground_truth: str | None, mode: str | None) -> list[list[str]]:
    """The rows of the verifier's explanation of a response; none for what else than its rules decided."""
    by_rules = said.get("stage") != "judge" and said.get("reason") != "echo"
    if mode is None or ground_truth is None or not by_rules or len(response) > EXPLAINED_CHARS:
        return []
    try:
        return [list(row) for row in explain(response, ground_truth, mode=cast(Mode, mode)).rows]
    except (UserError, ValueError):
        return []


def question_of(messages: Sequence[Mapping[str, Any]]) -> str:
    """What was asked last."""
    return _content(messages[-1]) if messages else ""


def _content(message: Mapping[str, Any]) -> str:
    return as_text(message.get("content", ""))


def as_text(content: Any) -> str:
    """A message's content, which may be a list of parts."""
    return content if isinstance(content, str) else json.dumps(content)


def clipped(text: str) -> str:
    """The beginning of a text that is longer than `TEXT_CHARS`, and how much is left out."""
    return text if len(text) <= TEXT_CHARS else f"{text[:TEXT_CHARS]} … {len(text) - TEXT_CHARS} more characters"


class OneFile(BaseHTTPRequestHandler):
    """Answers GET / with an HTML file, and nothing else: no other site may ask for it under another name."""

    def __init__(self, file: Path, *args: object):
        self.file = file
        super().__init__(*args)  # pyright: ignore[reportArgumentType]

    def do_GET(self) -> None:
        host = self.headers.get("Host", "").rpartition(":")[0]
        if self.path != "/" or host not in ("127.0.0.1", "localhost"):
            self.send_error(404)
            return
        content = self.file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """A line a request would cover what the person was told."""


def serve(file: Path, say: Callable[[str], None], port: int = 0) -> None:
    """Serve ``file`` on 127.0.0.1, and ``say`` where, until the process is interrupted; port 0 is a free one."""
    with ThreadingHTTPServer(("127.0.0.1", port), partial(OneFile, file)) as server:
        say(f"http://127.0.0.1:{server.server_port}/ until Ctrl-C")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("\nno longer served")
