from pathlib import Path

import pytest

from dgpo.runs.folder import RunFolder, logged_in_to_wandb, tracker_environment


@pytest.fixture(autouse=True)
def no_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_DIR", "WANDB_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_without_a_login_wandb_writes_offline_into_the_run_folder(tmp_path: Path) -> None:
    environment = tracker_environment(RunFolder(tmp_path / "run"))
    assert environment["WANDB_MODE"] == "offline"
    assert environment["WANDB_DIR"] == str(tmp_path / "run")
    assert (environment["WANDB_RESUME"], len(environment["WANDB_RUN_ID"])) == ("allow", 8)


def test_a_login_is_a_key_or_a_netrc_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not logged_in_to_wandb()
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine api.wandb.ai login user password key\n")
    netrc.chmod(0o600)
    assert logged_in_to_wandb()
    netrc.unlink()
    monkeypatch.setenv("WANDB_API_KEY", "key")
    assert "WANDB_MODE" not in tracker_environment(RunFolder(tmp_path / "run"))


def test_what_the_user_has_set_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_RUN_ID", "mine")
    assert tracker_environment(RunFolder(tmp_path / "run"))["WANDB_RUN_ID"] == "mine"


def test_a_second_launch_keeps_the_id_and_takes_a_new_metrics_file(tmp_path: Path) -> None:
    first, second = (tracker_environment(RunFolder(tmp_path / "run")) for _ in range(2))
    assert first["WANDB_RUN_ID"] == second["WANDB_RUN_ID"]
    assert first["VERL_FILE_LOGGER_PATH"] != second["VERL_FILE_LOGGER_PATH"]
