"""The quick start's files, a command line that passes, and what the check says of more of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import ray

from dgpo.config.checks import check
from dgpo.config.compose import compose_config
from dgpo.data.sources.arithmetic import write_splits
from dgpo.tasks import small_model

Problems = Callable[..., list[str]]


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quickstart")
    write_splits(folder / "data", train=64, validation=8, test=8)
    small_model.create(folder / "model", seed=0)
    return folder


@pytest.fixture
def overrides(files: Path, tmp_path: Path) -> list[str]:
    return [
        f"data.train_files={files}/data/train.parquet",
        f"data.val_files={files}/data/validation.parquet",
        f"actor_rollout_ref.model.path={files}/model",
        f"run.dir={tmp_path}/run",
    ]


@pytest.fixture
def problems(overrides: list[str]) -> Problems:
    """What the check finds in the quick start with more overrides; it starts nothing."""

    def found(*more: str) -> list[str]:
        findings = check(compose_config("quickstart", [*overrides, *more]))
        assert not ray.is_initialized()
        return [str(finding) for finding in findings]

    return found
