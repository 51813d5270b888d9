"""The page in a real browser."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dgpo.losses import METHODS, gradient_weight
from dgpo.runs.kept import kept_steps, read_step
from dgpo.runs.rollouts import DRAWN, write_rollouts

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, kept_run: Callable[..., Path]) -> Path:
    answers = [["1+1=2\n\\boxed{2}" * 20, "so \\boxed{3}" * 30], ["\\boxed{3}", "é漢😀"]]
    return kept_run(tmp_path_factory.mktemp("page") / "run", answers, steps=range(1, 5))


@pytest.fixture
def page(browser: Any, run: Path) -> Any:
    browser.open(write_rollouts(run), "step=2")
    return browser


@pytest.mark.parametrize("name", DRAWN)
def test_the_browser_shows_the_gradient_weight_of_every_method(page: Any, run: Path, name: str) -> None:
    page.value(f"change({{method: {json.dumps(name)}}})")
    shown = page.value("""answersOfStep().map(({ ratio, A, old }) => ({
        F: [...ratio].map((d, i) => gradientWeight(state.method, d, A[i], old[i], state.parameters)),
        regions: [...ratio].map((d, i) => region(d, A[i], state.parameters)),
    }))""")
    given = page.value("state.parameters")
    method = METHODS[name](**given)
    for answer, kept in zip(shown, read_step(kept_steps(run / "rollouts")[2]), strict=True):
        ratio = torch.from_numpy(kept.log_prob - kept.old_log_prob)
        f = gradient_weight(method, ratio, torch.from_numpy(kept.advantage), torch.from_numpy(kept.old_log_prob))
        np.testing.assert_allclose(answer["F"], f.double().numpy(), rtol=1e-6, atol=1e-6)
        lo, hi = method.log_range
        names = {(-1, 1): "lp", (-1, -1): "ln", (1, 1): "hp", (1, -1): "hn"}
        sides = (ratio > hi).int() - (ratio < lo).int()
        signs = np.sign(kept.advantage).astype(int)
        wanted = [names.get((int(side), int(sign)), "in") for side, sign in zip(sides, signs, strict=True)]
        assert answer["regions"] == wanted
    assert page.complaints() == []


def test_what_a_loss_drops_is_struck_out(page: Any) -> None:
    page.value("change({method: 'dgpo'})")
    assert page.value("document.querySelectorAll('.dropped').length") == 0
    page.value("change({method: 'grpo'})")
    dropped = page.value("document.querySelectorAll('.text .dropped').length")
    outside = page.value("document.querySelectorAll('.text .ln, .text .hp').length")
    assert dropped >= outside > 0


def test_keys_search_and_pointer_do_what_they_say(page: Any) -> None:
    page.press("n")
    assert page.value("state.step") == 3 and page.value("location.hash").startswith("#step=3")
    page.press("j")
    page.press("b")
    assert page.value("document.querySelector('.text .now').className.split(' ')[0]") in ("ln", "hp", "lp", "hn")
    said = page.value("document.getElementById('tip').innerText")
    assert all(word in said for word in ("π_θ", "π_old", "ratio r", "F of dgpo", "W = F/π_θ", "region"))
    page.press("l")
    assert page.value("state.method") == "grpo"
    page.value("change({search: '漢'})")
    assert page.value("document.getElementById('found').textContent") == "1 group with 1 answer"
    assert page.complaints() == []


def test_an_agent_s_episode_is_shown_turn_by_turn(browser: Any, kept_run: Callable[..., Path], tmp_path: Path) -> None:
    facts = [("<b>a wall", 0.5, True), ("a hole", -1.0, False)]
    turns = [
        {"start": 5 * i, "end": 5 * i + 4, "observation": seen, "reward": reward, "valid": valid}
        for i, (seen, reward, valid) in enumerate(facts)
    ]
    run = kept_run(tmp_path / "run", [["left right"]], turns=json.dumps(turns))
    browser.open(write_rollouts(run))
    text = browser.value("document.querySelector('.text').innerText")
    said = ["turn 1, reward 0.5", "saw: <b>a wall", "left", "turn 2, reward −1, not valid", "saw: a hole", "right"]
    assert [text.index(each) for each in said] == sorted(text.index(each) for each in said)


def test_nothing_that_a_model_writes_runs_loads_or_breaks_the_page(
    browser: Any, kept_run: Callable[..., Path], hostile: list[str], tmp_path: Path
) -> None:
    texts = [*hostile, "M" * 1_000_000]
    run = kept_run(tmp_path / "run", [texts[:26], texts[26:]], prompt="".join(hostile[:48]))
    file = write_rollouts(run)
    browser.open(file)
    # Everything opened that can be.
    for selector in (".group > h2 > button[aria-expanded=false]", ".answers + button:not([hidden])", "summary"):
        browser.value(f"document.querySelectorAll({json.dumps(selector)}).forEach((each) => each.click())")
    browser.value("new Promise((done) => setTimeout(done, 500))")
    assert browser.value("document.querySelectorAll('.answer').length") == len(texts)
    assert browser.value("[typeof window.owned, typeof ({}).owned]") == ["undefined", "undefined"]
    assert browser.value("document.scripts.length") == 2 and browser.value("document.title") == "run"
    made = "img,iframe,object,embed,video,form,a,link,base,svg script,[autofocus],#groups style,[http-equiv=refresh]"
    assert browser.value(f"document.querySelectorAll({json.dumps(made)}).length") == 0
    assert [url.split("#")[0] for url in browser.asked_for()] == [file.as_uri()] and browser.complaints() == []
    # No text is wider than its card, nor the page than its window.
    cards = "[...document.querySelectorAll('.answer, .prompt')]"
    assert browser.value(f"{cards}.filter((each) => each.scrollWidth > each.clientWidth + 1).length") == 0
    assert browser.value("document.documentElement.scrollWidth <= innerWidth")
