"""A judge as small and as bad as one may be: an OpenAI-compatible server whose model's name says what it believes."""

import json
import re
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Fields = dict[str, str]


def reply(text: str) -> str:
    return f"I looked at it.\n{text}"


MODELS: dict[str, Callable[[Fields], str]] = {
    "says-yes": lambda told: reply("A"),
    "says-no": lambda told: reply("B"),
    "says-invalid": lambda told: reply("C"),
    "boxes": lambda told: reply(r"\boxed{A}"),
    "compares-letters": lambda told: reply(
        "A" if set(re.findall(r"\w", told["candidate"])) <= set(re.findall(r"\w", told["reference"])) else "B"
    ),
    "obeys": lambda told: reply("A" if re.search("(?i)answer|correct|verdict|reply", told["candidate"]) else "B"),
    # Knows the two of the probe.
    "knows": lambda told: reply("A" if told["candidate"].startswith(("3", "\\pi")) else "B"),
    "repeats": lambda told: told["candidate"],
    "garbage": lambda told: "A B C, AAAA \ud7ff",
    "letter-in-a-sentence": lambda told: "The verdict is A",
    "silent": lambda told: "",
}


class Server:
    """Serves `MODELS` on loopback, and beside them ``hangs``, ``breaks``, ``cut``, ``no-json`` and ``flaky``.

    Attributes:
        requests: The bodies it was sent.
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.most_at_a_time = 0
        self.release = threading.Event()
        self._now = 0
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer._serve(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        with self._lock:
            self.requests.append(body)
        status, sent = self._sent(handler.path, body)
        try:
            handler.send_response(status)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(sent)))
            handler.end_headers()
            handler.wfile.write(sent)
        except (BrokenPipeError, ConnectionResetError):
            pass  # who asked has given up

    def _sent(self, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
        model = body["model"]
        if model == "hangs":
            self.release.wait(60)
        if model == "slow":
            with self._lock:
                self._now += 1
                self.most_at_a_time = max(self.most_at_a_time, self._now)
            time.sleep(0.05)
            with self._lock:
                self._now -= 1
        if model == "breaks" or (model == "flaky" and len(self.requests) == 1):
            return 500, b'{"error": "out of memory"}'
        if model == "no-json":
            return 200, b"<html>"
        if path != "/v1/chat/completions" or model not in {*MODELS, "flaky", "slow", "cut", "hangs"}:
            return 404, b'{"error": "there is no such model"}'
        told = fields(body)
        content = MODELS.get(model, MODELS["says-yes"])(told)
        choice = {"message": {"content": content}, "finish_reason": "length" if model == "cut" else "stop"}
        return 200, json.dumps({"choices": [choice]}).encode()


def fields(body: dict[str, Any]) -> Fields:
    """Problem, reference and candidate as a reader of tags finds them; a tag too many is an error."""
    system, user = body["messages"]
    assert (system["role"], user["role"]) == ("system", "user") and body["temperature"] == 0
    found = re.findall(r"<(\w+)>\n(.*?)\n</\1>", user["content"], re.DOTALL)
    assert [name for name, _ in found] == ["problem", "reference", "candidate"]
    assert len(re.findall(r"<[/|\w]", user["content"])) == 6
    return dict(found)
