"""recipes/prepare_data.sh, and the names under which the configs read what it writes."""

from collections.abc import Callable
from pathlib import Path

from dgpo.config.compose import compose_config
from dgpo.data.sources import SOURCES
from tests.recipes.conftest import BENCHMARKS, Done


def test_preparing_data_takes_the_benchmarks_out_of_the_training_set(
    recipe: Callable[..., Done], tmp_path: Path
) -> None:
    done = recipe("prepare_data.sh", "deepscaler", DRY_RUN="1", OUT=str(tmp_path), FROM="downloads")
    aime24, *_, training = done.stdout.splitlines()
    assert aime24.split()[3:] == ["aime24", "--out", str(tmp_path), "--from", "downloads/aime24"]
    files = [f"{tmp_path}/{name}.parquet" for name in BENCHMARKS]
    assert training.split()[-7:] == ["--decontaminate", *files]
    (tmp_path / "aime25.parquet").touch()
    assert "aime25.parquet is there" in recipe("prepare_data.sh", DRY_RUN="1", OUT=str(tmp_path)).stdout


def test_preparing_data_takes_its_paths_from_where_it_is_called(recipe: Callable[..., Done], tmp_path: Path) -> None:
    done = recipe("prepare_data.sh", cwd=tmp_path, DRY_RUN="1", OUT="files", FROM="downloads")
    assert f"aime24 --out {tmp_path}/files --from {tmp_path}/downloads/aime24 " in done.stdout


def test_data_is_prepared_under_the_names_that_the_configs_read() -> None:
    for data in ("dapo_math_17k", "deepscaler"):
        config = compose_config("dgpo_7b", [f"data={data}"])
        for path in (*config.data.train_files, *config.data.val_files):
            assert Path(path).parent == Path("data") and Path(path).stem in SOURCES
