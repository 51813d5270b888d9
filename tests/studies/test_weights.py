"""`dgpo plot weights`: the files it writes, and curves that are the losses' own weights."""

import math

import pytest
import torch

from dgpo.errors import UserError
from dgpo.losses import METHODS, gradient_weight
from dgpo.losses.base import Method
from dgpo.studies.contenders import parse_method
from dgpo.studies.weights import draw, plot_weights


def test_png_and_svg_of_both_axes_are_written(tmp_path):
    files = plot_weights(["grpo", "dgpo:n=2,m=4", "cispo:one_sided=True"], tmp_path / "plots")
    assert sorted(files) == sorted((tmp_path / "plots").iterdir())
    names = [f"weights_{axis}.{kind}" for axis in ("probability", "ratio") for kind in ("png", "svg")]
    assert sorted(file.name for file in files) == names
    for file in files:
        content = file.read_bytes()
        assert content.startswith(b"\x89PNG" if file.suffix == ".png" else b"<?xml")
        assert len(content) > 10_000


def test_curves_are_the_weights_of_the_losses_with_a_gap_at_each_boundary():
    chosen = [parse_method(text, Method()) for text in ("aspo", "dgpo:n=2")]
    figure = draw(chosen, "probability", old_prob=0.4, clip_range=Method(), advantage=1.0)
    for panel, sign in zip(figure.axes[:2], (-1.0, 1.0), strict=True):
        for line, (name, given) in zip(panel.lines[:2], (("aspo", {}), ("dgpo", {"n": 2})), strict=True):
            x, y = (torch.as_tensor(values) for values in line.get_data())
            d = (x / 0.4).log()
            expected = gradient_weight(name, d, torch.full_like(d, sign), torch.full_like(d, math.log(0.4)), **given)
            torch.testing.assert_close(y, expected, equal_nan=True)
            assert x.isnan().sum() == 2
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["aspo", "dgpo (n=2)"]


def test_the_clip_range_holds_for_methods_that_set_no_other():
    wide = Method(clip_ratio_high=0.5)
    assert parse_method("gppo", wide)[1] == METHODS["gppo"](clip_ratio_high=0.5)
    assert parse_method("gppo:clip_ratio_high=0.1", wide)[1] == METHODS["gppo"](clip_ratio_high=0.1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"methods": ["dgpo:n=x"]}, "n=x"),
        ({"methods": ["dgpo:n=0"]}, "--methods dgpo:n=0: n=0 must be an integer"),
        ({"methods": ["dgpo:beta1=1"]}, "beta1=1 is no hyper-parameter of 'dgpo'"),
        ({"old_prob": 1.0}, "--old-prob=1.0"),
    ],
)
def test_wrong_arguments_are_refused_and_nothing_is_written(given, message, tmp_path):
    with pytest.raises(UserError, match=message):
        plot_weights(**{"methods": ["dgpo"], "out": tmp_path / "plots", **given})
    assert not (tmp_path / "plots").exists()
