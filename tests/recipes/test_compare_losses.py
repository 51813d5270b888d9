"""recipes/compare_losses.sh: each loss, rate and seed."""

from collections.abc import Callable

from dgpo.cli import main
from tests.recipes.conftest import ROOT, Called


def test_comparing_takes_each_loss_and_seed(calls: Callable[..., Called]) -> None:
    losses = "dgpo, cispo_one_sided"
    called = calls("compare_losses.sh", "seed=0", DRY_RUN="1", LOSSES=losses, CONFIG="quickstart", OUT="out")
    folders = ["out/dgpo-0", "out/cispo_one_sided-0"]
    assert [command[-2] for command in called.commands] == [f"run.dir={folder}" for folder in folders]
    assert all(command[0] == "check" for command in called.commands) and main(called.commands[1]) == 0
    assert called.done.stdout.splitlines()[-1].split() == ["dgpo", "compare", *folders, "--out", "out"]
    assert not (ROOT / "out").exists()


def test_comparing_where_losses_differ_makes_its_task_and_takes_each_rate(calls: Callable[..., Called]) -> None:
    called = calls(
        "compare_losses.sh",
        DRY_RUN="1",
        LOSSES="gppo",
        SEEDS="0,1",
        RATES="3e-5 6e-5",
        CONFIG="misconceptions",
        OUT="out",
    )
    names = [f"gppo-{rate}-{seed}" for seed in (0, 1) for rate in ("3e-5", "6e-5")]
    checks = [command for command in called.commands if command[0] == "check"]
    assert [command[-2] for command in checks] == [f"run.dir=out/{name}" for name in names]
    assert [command[-1][-7:] for command in checks] == ["lr=3e-5", "lr=6e-5"] * 2
    assert main(checks[0]) == 0
    made = [line.split()[1:3] for line in called.done.stdout.splitlines() if not line.startswith("dgpo train")]
    assert made[:-1] == [["data", "arithmetic"], *[["model", "small"], ["model", "warm-start"]] * 2]
