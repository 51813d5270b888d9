"""`dgpo plot weights`: the files it writes, and curves that are the losses' own weights."""

import math

import pytest
import torch

from dgpo.losses import gradient_weight
from dgpo.losses import plot as weights


def test_command_writes_png_and_svg_of_both_axes(tmp_path):
    weights.main(["--methods", "grpo", "dgpo:n=2,m=4", "cispo:one_sided=True", "--output", str(tmp_path / "plots")])
    files = {path.name: path.read_bytes() for path in (tmp_path / "plots").iterdir()}
    assert sorted(files) == [f"weights_{axis}.{kind}" for axis in ("probability", "ratio") for kind in ("png", "svg")]
    for name, content in files.items():
        assert content.startswith(b"\x89PNG" if name.endswith("png") else b"<?xml")
        assert len(content) > 10_000


def test_curves_are_the_weights_of_the_losses_with_a_gap_at_each_boundary():
    figure = weights.draw([("aspo", {}), ("dgpo", {"n": 2})], "probability", old_prob=0.4)
    for panel, sign in zip(figure.axes[:2], (-1.0, 1.0), strict=True):
        for line, (name, given) in zip(panel.lines[:2], (("aspo", {}), ("dgpo", {"n": 2})), strict=True):
            x, y = (torch.as_tensor(values) for values in line.get_data())
            d = (x / 0.4).log()
            expected = gradient_weight(name, d, torch.full_like(d, sign), torch.full_like(d, math.log(0.4)), **given)
            torch.testing.assert_close(y, expected, equal_nan=True)
            assert x.isnan().sum() == 2
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["aspo", "dgpo (n=2)"]


def test_wrong_arguments_are_refused():
    for text, message in (("ppo", "unknown method 'ppo'"), ("dgpo:n", "'n' must be name=value"), ("dgpo:n=x", "n=x")):
        with pytest.raises(ValueError, match=message):
            weights.parse_method(text)
    with pytest.raises(ValueError, match=r"n=0 must be an integer"):
        weights.main(["--methods", "dgpo:n=0"])
    with pytest.raises(ValueError, match=r"old_prob=1.0 must be a number in \(0, 1\)"):
        weights.draw([("dgpo", {})], "ratio", old_prob=1.0)
