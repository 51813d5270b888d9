"""The page and the terminal view of kept groups, as far as no browser is needed."""

import base64
import hashlib
import http.client
import json
import re
import shutil
import signal
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import quickjs
import torch
import yaml
from rich.console import Console

from dgpo.errors import UserError
from dgpo.losses import METHODS, gradient_weight
from dgpo.runs.html import PARTS, as_json
from dgpo.runs.kept import Pieces, kept_steps, read_step
from dgpo.runs.report import write_report
from dgpo.runs.rollouts import DRAWN, evenly_spread, group_data, page_data, show_group, write_rollouts

RIGHT, WRONG = "1+1=2\n\\boxed{2}", "so \\boxed{3}"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, kept_run: Callable[..., Path]) -> Path:
    return kept_run(tmp_path_factory.mktemp("kept") / "run", [[RIGHT, WRONG], [WRONG, "é漢😀"]], steps=range(1, 8))


@pytest.fixture(scope="module")
def script() -> quickjs.Context:
    context = quickjs.Context()
    context.eval((PARTS / "losses.js").read_text())
    return context


def data_in(page: str) -> dict[str, Any]:
    return json.loads(page.split('id="data">')[1].split("</script>")[0])


VARIANTS: list[dict[str, Any]] = [{}, {"clip_ratio_low": 0.05, "clip_ratio_high": 0.6}]
OTHERS: dict[str, list[dict[str, Any]]] = {
    "dgpo": [{"n": 4, "m": 7}, {"clip_ratio_c": 2.0}],
    "grpo": [{"clip_ratio_c": None}],
    "cispo": [{"one_sided": True}],
    "ce_gppo": [{"beta1": 0.0, "beta2": 0.3}],
    "maspo": [{"sigma_base": 0.2, "alpha": 0.5, "beta": 0.5, "clip_ratio_c": 2.0}],
    "sapo": [{"tau_pos": 0.3, "tau_neg": 3.0}],
}


@pytest.mark.parametrize("name", sorted(METHODS))
def test_the_page_computes_the_gradient_weight_of_every_method(name: str, script: quickjs.Context) -> None:
    if not METHODS[name].__module__.startswith("dgpo."):
        pytest.skip("a method of another test's own")
    generator = torch.Generator().manual_seed(0)
    for given in [*VARIANTS, *OTHERS.get(name, [])]:
        method = METHODS[name](**given)
        ratio = torch.cat([6 * torch.randn(200, generator=generator), 0.3 * torch.randn(200, generator=generator)])
        # The boundaries themselves, in float32, as a token may meet them.
        edges = torch.tensor([*method.log_range, 0.0, -1000.0, 25.0], dtype=torch.float32)
        ratio = torch.cat([ratio, edges])
        old = -torch.empty(len(ratio)).exponential_(0.5, generator=generator)
        for advantage in (1.5, -0.7, 0.0):
            advantages = torch.full_like(ratio, advantage)
            wanted = gradient_weight(method, ratio, advantages, old).double().numpy()
            tokens = list(zip(ratio.tolist(), advantages.tolist(), old.tolist(), strict=True))
            weight = f"([d, A, old]) => gradientWeight('{name}', d, A, old, {as_json(asdict(method))})"
            found = np.array(json.loads(script.eval(f"JSON.stringify({json.dumps(tokens)}.map({weight}))")))
            np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


def test_the_page_s_regions_are_those_of_the_metrics(script: quickjs.Context) -> None:
    bounds = '{"clip_ratio_low": 0.2, "clip_ratio_high": 0.28}'
    cases = {(-0.3, 1): "lp", (-0.3, -1): "ln", (0.3, 1): "hp", (0.3, -1): "hn", (0.1, 1): "in", (0.3, 0): "zero"}
    for (ratio, advantage), region in cases.items():
        assert script.eval(f"region({ratio}, {advantage}, {bounds})") == region


def test_every_hyper_parameter_that_is_a_number_has_a_slider(script: quickjs.Context) -> None:
    script.eval((PARTS / "loss.js").read_text())
    values = {name: value for each in DRAWN for name, value in asdict(METHODS[each]()).items()}
    numbers = {name for name, value in values.items() if not isinstance(value, bool)}
    assert numbers == set(json.loads(script.eval("JSON.stringify(Object.keys(CONTROLS))")))


def test_the_page_s_columns_are_what_the_loss_was_given(run: Path) -> None:
    shown = page_data(run, step=3, prompt=None, limit=500)
    kept = list(read_step(kept_steps(run / "rollouts")[3]))
    answers = [answer for group in shown["steps"][0]["groups"] for answer in group["answers"]]
    for answer, wanted in zip(answers, kept, strict=True):
        for name in ("old_log_prob", "log_prob"):
            assert np.array_equal(np.frombuffer(base64.b64decode(answer[name]), "<f4"), getattr(wanted, name))
        assert answer["advantage"] == wanted.advantage[0] and len(answer["pieces"]) == len(wanted.token)
        assert answer["unmasked"] == [len(wanted.token) - 1]
    assert "".join(answers[0]["pieces"]) == RIGHT and "".join(answers[3]["pieces"]) == "é漢😀"
    assert answers[0]["words"].startswith("right") and "the ground truth is “2”" in answers[1]["words"]
    assert answers[1]["judged"][0][:3] == ["extract", "3", "2"]
    assert shown["methods"]["dgpo"]["clip_ratio_high"] == shown["methods"]["sapo"]["clip_ratio_high"] == 0.28


def test_of_a_loss_that_the_page_does_not_know_it_shows_what_others_would_do(
    tmp_path: Path, kept_run: Callable[..., Path]
) -> None:
    run = kept_run(tmp_path, [[RIGHT, WRONG]])
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["actor_rollout_ref"]["actor"] |= {"clip_ratio_low": 3e-4, "policy_loss": {"loss_mode": "verl_gspo"}}
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    shown = page_data(run, step=None, prompt=None, limit=500)
    assert shown["shown"] == "dgpo" and "trained by verl_gspo, whose F is not computed here" in shown["note"]
    assert shown["methods"]["dgpo"]["clip_ratio_low"] == shown["methods"]["grpo"]["clip_ratio_low"] == 3e-4
    console = Console(width=100, file=(tmp_path / "out").open("w"))
    show_group(run, step=None, prompt=None, limit=5, console=console)


def test_an_episode_of_several_sequences_says_which_part_each_is(run: Path) -> None:
    first = next(read_step(kept_steps(run / "rollouts")[3]))
    turn = {"start": 0, "end": 2, "observation": "a wall", "reward": float("nan"), "valid": False}
    parts = [replace(first, answer=name, turns=[turn]) for name in ("0_0", "0_1", "1_0")]
    pieces = Pieces(run / "rollouts/tokenizer")
    shown = group_data(parts, pieces, None)["answers"]
    assert [answer["episode"] for answer in shown] == ["episode 0, part 1 of 2", "episode 0, part 2 of 2", ""]
    assert shown[0]["turns"] == [{"start": 0, "observation": "a wall", "reward": None, "valid": False}]


def test_a_reward_function_of_one_s_own_may_say_what_it_likes(run: Path) -> None:
    first = next(read_step(kept_steps(run / "rollouts")[3]))
    said = [{"acc": "yes", "reason": 7}, {"reason": [], "pred": None}, {"acc": float("inf"), "stage": []}, {}]
    answers = [replace(first, said=each, score=score) for each, score in zip(said, (1.0, None, -1.0, 0.2), strict=True)]
    shown = group_data(answers, Pieces(run / "rollouts/tokenizer"), "boxed")
    assert [answer["right"] for answer in shown["answers"]] == [None, None, None, False]
    assert json.loads(as_json(shown)) == shown


def test_what_fits_is_spread_over_the_run(run: Path) -> None:
    shown = page_data(run, step=None, prompt=None, limit=12)
    assert [each["step"] for each in shown["steps"]] == [1, 4, 7] and "More was kept than fits" in shown["note"]
    assert len(page_data(run, step=None, prompt=None, limit=500)["steps"]) == 7
    for count in range(1, 40):
        assert sorted(evenly_spread(range(count))) == list(range(count))


def test_the_policy_lets_one_script_and_one_style_run_and_loads_nothing(run: Path, tmp_path: Path) -> None:
    page = write_rollouts(run, tmp_path / "page.html").read_text()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy and "http" not in policy
    for kind in ("script", "style"):
        (inside,) = re.findall(f"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|\.href|\.src\b", page.split("<script>")[1]
    )


def test_no_text_of_a_model_leaves_its_place_in_the_page(
    tmp_path: Path, kept_run: Callable[..., Path], hostile: list[str]
) -> None:
    run = kept_run(tmp_path / "<b>run & Co", [hostile[:30], hostile[30:]], prompt=hostile[0])
    page = write_rollouts(run).read_text("utf-8")
    assert page.count("<script") == 2 and page.count("</script>") == 2 and "&lt;b&gt;run &amp; Co" in page
    assert page.split('id="data">')[1].split("<")[0].isascii()
    groups = data_in(page)["steps"][0]["groups"]
    texts = ["".join(answer["pieces"]) for group in groups for answer in group["answers"]]
    for text, wanted in zip(texts, hostile, strict=True):
        whole = unicodedata.normalize("NFC", wanted.encode("utf-8", "replace").decode())
        assert text == whole[: len(text)] and len(text) >= min(len(whole), 1)


def test_the_report_leads_to_the_page(tmp_path: Path, kept_run: Callable[..., Path]) -> None:
    run = kept_run(tmp_path / "run", [[RIGHT, WRONG]])
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["actor_rollout_ref"]["rollout"] = {"val_kwargs": {"temperature": 1.0, "top_p": 1.0, "top_k": -1}}
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    assert write_report(run)[-1] == run / "rollouts.html"
    assert "[rollouts.html](rollouts.html)" in (run / "report.md").read_text()


def test_what_is_served_is_the_page_alone_and_to_this_machine_alone(run: Path) -> None:
    command = [sys.executable, "-m", "dgpo.cli", "rollouts", str(run), "--serve"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    found = re.search(r"http://127\.0\.0\.1:(\d+)/", process.stderr.readline())
    assert found is not None

    def asked(path: str, host: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", int(found[1]))
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.read()

    assert asked("/", f"127.0.0.1:{found[1]}") == (200, (run / "rollouts.html").read_bytes())
    for path, host in (("/config.yaml", f"127.0.0.1:{found[1]}"), ("/", f"evil.example:{found[1]}")):
        assert asked(path, host)[0] == 404
    process.send_signal(signal.SIGINT)
    assert process.wait() == 0


def test_the_terminal_shows_a_group_and_obeys_no_escape_of_a_model(
    tmp_path: Path, kept_run: Callable[..., Path]
) -> None:
    run = kept_run(tmp_path / "run", [[RIGHT, "\x1b[2J\x1b]0;owned\x07 [red]x[/red]"]], prompt="\x1b[31mhow?")
    console = Console(record=True, width=100, file=(tmp_path / "out").open("w"))
    show_group(run, step=None, prompt=None, limit=5, console=console)
    said = console.export_text()
    assert "\x1b" not in said and "\\x1b[2J" in said and "[red]x[/red]" in said and "right; read" in said
    assert "less likely" in said


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("rollouts {}/nothing", "config.yaml: no config can be loaded"),
        ("rollouts {}/run --step 9", "--step 9: no groups were kept of it; the nearest are 3, 4, 5, 6, 7"),
        ("rollouts {}/run --prompt nowhere", "there is no group with the prompt 'nowhere'"),
        ("rollouts {}/run --terminal --serve", "--terminal writes no page"),
        ("rollouts {}/run --out {}/run/config.yaml/page", "there can be no such folder"),
    ],
)
def test_bad_input_ends_in_one_message(command: str, says: str, run: Path, refused: Callable[..., str]) -> None:
    assert says in refused(*command.replace("{}", str(run.parent)).split())


def test_a_run_that_kept_nothing_says_how(tmp_path: Path, kept_run: Callable[..., Path]) -> None:
    kept_run(tmp_path, [], steps=[])
    shutil.rmtree(tmp_path / "rollouts" / "tokenizer")
    with pytest.raises(UserError, match=r"run\.keep_rollouts=2"):
        write_rollouts(tmp_path)
