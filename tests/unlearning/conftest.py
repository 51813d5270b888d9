"""A world of a few authors, and an untrained model of it."""

from pathlib import Path

import pytest

from dgpo.unlearning.world import Sizes, make_model, write


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where runs/unlearning has the rows, and the model where `unlearn` expects the one that learnt them."""
    folder = tmp_path_factory.mktemp("world")
    here = folder / "runs" / "unlearning"
    write(here / "data-0", sizes=Sizes(retain=3, forget=2, holdout=1, real=6, facts=6, retain_eval=2))
    make_model(here / "full-0" / "hf", here / "data-0")
    return folder
