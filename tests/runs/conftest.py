"""Run folders with kept groups, as a training leaves them, made without one; and texts that a model may write."""

import fcntl
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
import yaml
from tokenizers import Tokenizer

from dgpo.runs.kept import ANSWERS, ROWS, TOKENS, write_rows
from dgpo.tasks.small_model import character_tokenizer

ACTOR = {
    "clip_ratio_low": 0.2,
    "clip_ratio_high": 0.28,
    "clip_ratio_c": 3.0,
    "policy_loss": {"loss_mode": "dgpo", "n": 1, "m": 2, "dual_clip": False},
}
OURS = {"custom_reward_function": {"path": "pkg://dgpo.rewards.verl", "reward_kwargs": {"mode": "boxed"}}}


def make_run(
    run: Path, texts: Sequence[Sequence[str]], *, steps: Sequence[int] = (1,), prompt: str = "1+1=?", turns: str = "[]"
) -> Path:
    """A run that has kept a group for each list of answers, at each step; log-ratios of all sizes, one token masked."""
    character_tokenizer().save_pretrained(run / "rollouts/tokenizer")
    tokenizer = Tokenizer.from_file(str(run / "rollouts/tokenizer/tokenizer.json"))
    (run / "config.yaml").write_text(yaml.safe_dump({"actor_rollout_ref": {"actor": ACTOR}, "reward": OURS}))
    (run / "metrics").mkdir()
    lines = []
    for step in steps:
        data = {"critic/score/mean": 0.1 * step, "actor/grad_norm": 1.0, "actor/entropy": 1 / step}
        lines.append(json.dumps({"step": step, "data": data}) + "\n")
        told, trained = [], []
        for number, answers in enumerate(texts):
            for session, text in enumerate(answers):
                row = step * ROWS + len(told)
                told.append(describe(row, f"group-{number}", session, text, prompt) | {"turns": turns})
                # A lone surrogate has no bytes; a tokenizer gives what UTF-8 has in its place.
                ids = tokenizer.encode(text.encode("utf-8", "replace").decode()).ids or [0]
                trained.append(learn(row, ids, 1.0 if "boxed{2}" in text else -0.5))
        write_rows(run / f"rollouts/{step}/groups-0.parquet", told, ANSWERS)
        write_rows(run / f"rollouts/{step}/tokens-0.parquet", trained, TOKENS)
    (run / "metrics/001.jsonl").write_text("".join(lines))
    return run


def describe(row: int, group: str, session: int, text: str, prompt: str) -> dict[str, object]:
    right = "boxed{2}" in text
    said = {"score": float(right), "acc": float(right), "pred": text[-40:], "stage": "numeric"}
    said["reason"] = "match" if right else "mismatch"
    messages = [{"role": "user", "content": prompt}]
    texts = {"prompt": json.dumps(messages), "said": json.dumps(said), "turns": "[]", "ground_truth": "2"}
    return {"row": row, "group": group, "answer": f"{session}_0", "score": float(right), "staleness": 0, **texts}


def learn(row: int, ids: list[int], advantage: float) -> dict[str, object]:
    generator = np.random.default_rng(row)
    old = -generator.exponential(1.0, len(ids)).astype(np.float32)
    ratio = (generator.standard_t(2, len(ids)) * 0.3).astype(np.float32)
    return {
        "row": row,
        "token": ids,
        "old_log_prob": old.tolist(),
        "log_prob": np.minimum(old + ratio, 0).tolist(),
        "advantage": [advantage] * len(ids),
        "mask": [True] * (len(ids) - 1) + [len(ids) == 1],
    }


@pytest.fixture(scope="session")
def kept_run() -> Callable[..., Path]:
    """`make_run`."""
    return make_run


@pytest.fixture(scope="session")
def hostile() -> list[str]:
    """Fifty texts that a page must neither run nor be broken by."""
    return HOSTILE


# What a page that runs one of the texts would set.
MARK = "window.owned=1"
HOSTILE = [
    f"<script>{MARK}</script>",
    f"</script><script>{MARK}</script>",
    f"</SCRIPT ><script>{MARK}</script>",
    f"<!--<script>{MARK}</script>-->",
    "<!--<script>",
    "]]><script>",
    f"<img src=x onerror={MARK}>",
    f"<svg onload={MARK}>",
    f"<svg><script>{MARK}</script></svg>",
    f"<body onload={MARK}>",
    f"<details open ontoggle={MARK}>",
    f"<input autofocus onfocus={MARK}>",
    f"<video><source onerror={MARK}></video>",
    f'<iframe srcdoc="<script>parent.{MARK}</script>"></iframe>',
    f'<a href="javascript:{MARK}">click</a>',
    f'<a href="data:text/html,<script>{MARK}</script>">click</a>',
    f'<object data="data:text/html,<script>{MARK}</script>"></object>',
    f'<embed src="data:image/svg+xml,<svg onload={MARK}>">',
    f'<form action="javascript:{MARK}"><input type=submit></form>',
    '<meta http-equiv="refresh" content="0;url=http://127.0.0.1:9/">',
    '<base href="http://127.0.0.1:9/">',
    '<link rel="stylesheet" href="http://127.0.0.1:9/x.css">',
    "<style>*{display:none}</style>",
    '<style>@import "http://127.0.0.1:9/x.css";</style>',
    '<div style="position:fixed;inset:0;background:red;z-index:99">covered</div>',
    f'"><script>{MARK}</script>',
    f"'-{MARK}-'",
    f'";{MARK};//',
    f"${{{MARK}}}",
    f"`${{{MARK}}}`",
    "{{ 7*7 }}{% raw %}{% include '/etc/passwd' %}",
    "\\u003cscript\\u003e",
    f"\\x3cscript>{MARK}\\x3c/script>",
    "&lt;script&gt;&#x3c;script&#62;",
    f"<scr\x00ipt>{MARK}</scr\x00ipt>",
    "__proto__",
    '{"__proto__": {"owned": 1}}',
    "constructor.prototype.toString",
    "\u202etxt.exe\u202c \u2066abc\u2069 \u200f\u200e",
    "\u202e" * 300 + "reversed",
    "שלום עולם مرحبا بالعالم",
    "Z" + "\u0351\u0342\u0330\u033a" * 200 + "algo",
    "\u2028\u2029\u0085line breaks of JavaScript",
    "\x1b[2J\x1b]0;title\x07",
    "\x00\x01\x02\x07\x08\x0b\x0c\x7f",
    "\ufeff\u200b\u200c\u200d\u2060 nothing to see \U000e0041\U000e0042",
    "a lone \ud800 and \udc00 surrogate",
    "👩‍👩‍👧‍👦" * 200,
    "W" * 100_000,
    "\n" * 20_000,
]


class Browser:
    """A page in a headless Chromium, driven by its DevTools protocol over a pair of pipes."""

    def __init__(self, executable: str, profile: Path):
        # Chromium reads commands from descriptor 3 and answers on 4, each message ending in a zero byte.
        commands, self._to = os.pipe()
        self._from, answers = os.pipe()
        program = "import os, sys; fds = sys.argv[1:3]; [os.dup2(int(a), b) for a, b in zip(fds, (3, 4))]; "
        program += "os.execv(sys.argv[3], sys.argv[3:])"
        high = [fcntl.fcntl(each, fcntl.F_DUPFD, 10) for each in (commands, answers)]
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={profile}"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, *map(str, high), executable, *flags],
            pass_fds=high,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for each in (commands, answers, *high):
            os.close(each)
        self._numbers = itertools.count(1)
        self._pending = b""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a command; what happens meanwhile is kept in ``events``."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if hasattr(self, "_session"):
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._pending:
            chunk = os.read(self._from, 1 << 20)
            assert chunk, "Chromium has ended"
            self._pending += chunk
        message, self._pending = self._pending.split(b"\0", 1)
        return json.loads(message)

    def open(self, file: Path, fragment: str = "") -> None:
        """Load a file, and return when it has loaded."""
        # By way of another page: from itself one is not loaded anew.
        for url in ("about:blank", f"file://{quote(str(file))}#{fragment}"):
            self._navigate(url)

    def _navigate(self, url: str) -> None:
        self.events.clear()
        self.call("Page.navigate", url=url)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._receive())

    def value(self, expression: str) -> Any:
        """What an expression is in the page, as JSON has it."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, text=key if len(key) == 1 else "")

    def complaints(self) -> list[str]:
        """Errors and exceptions of the page since it was opened."""
        self.value("1")
        texts = []
        for event in self.events:
            if event["method"] == "Runtime.exceptionThrown":
                texts.append(json.dumps(event["params"]["exceptionDetails"])[:500])
            if event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
                texts.append(event["params"]["entry"]["text"])
        return texts

    def asked_for(self) -> list[str]:
        """Addresses that the page has asked for since it was opened, itself among them."""
        requests = [event["params"] for event in self.events if event["method"] == "Network.requestWillBeSent"]
        return [request["request"]["url"] for request in requests]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._to)
        os.close(self._from)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A Chromium of this machine; the tests that need one are skipped, and say so, where there is none."""
    found = [path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))]
    if not found:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    browser = Browser(found[0], tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()
