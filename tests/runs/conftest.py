"""Run folders with kept groups, as a training leaves them, made without one; and texts that a model may write."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

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


def make_run(run: Path, texts: Sequence[Sequence[str]], *, steps: Sequence[int] = (1,), prompt: str = "1+1=?") -> Path:
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
                told.append(describe(row, f"group-{number}", session, text, prompt))
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
