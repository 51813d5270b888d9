import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from hypothesis import settings

from tests.ports import free_port

# The same examples in every run, so that a failure is the code's and comes again; others with
# pytest --hypothesis-profile=random. On a busy machine the time of one example says nothing.
settings.register_profile("random", deadline=None, max_examples=50)
settings.register_profile("repeatable", settings.get_profile("random"), derandomize=True)
settings.load_profile("repeatable")

# Before any test imports verl: the platform is settled once a process.
os.environ.setdefault("VERL_PLATFORM", "cpu")
os.environ.setdefault("VERL_LOGGING_LEVEL", "WARN")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# Hydra's files are read some thousand times here, which PyYAML's parser in C does in a fifth of the time.
yaml.SafeLoader = yaml.CSafeLoader

# A token in the person's home is for their clusters. A command tested in this process would have the ones started
# here ask for it, which a process that has imported Ray before cannot show.
os.environ.setdefault("RAY_AUTH_MODE", "disabled")

# A shell that starts the tests in the background has them ignore Ctrl-C, and nohup the end of the terminal, which their
# processes would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


TRAININGS = ("tests/e2e/", "tests/invariant/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The trainings come first: they take longest."""
    items.sort(key=lambda item: not item.nodeid.startswith(TRAININGS))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """One process runs a file of tests, and one all the trainings, of which two at a time would fill the memory."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "trainings" if nodeid.startswith(TRAININGS) else super()._split_scope(nodeid)

    return Scheduling(config, log)


def processes_where(holds: Callable[[psutil.Process], bool]) -> list[psutil.Process]:
    """Processes of this machine that are alive, and that one may look at."""
    found = []
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, psutil.Error):
            if holds(process) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


RAY_CLUSTER = Path(__file__).resolve().parent.parent / "scripts/ray_cluster.sh"


@dataclass(frozen=True)
class RayCluster:
    """Nodes of one Ray cluster on this machine, started by scripts/ray_cluster.sh, apart from any other."""

    environment: Mapping[str, str]
    address: str

    def script(self, *arguments: str, prefix: tuple[str, ...] = (), **environment: str) -> str:
        """What scripts/ray_cluster.sh prints, with ``prefix`` before the command."""
        done = subprocess.run(
            [*prefix, "bash", str(RAY_CLUSTER), *arguments],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def processes(self, name: str) -> list[psutil.Process]:
        """Those of a node: the session that its first one leads."""
        leader = int((Path(self.environment["DGPO_RAY_STATE"]) / name / "process").read_text().split()[0])
        return processes_where(lambda process: os.getsid(process.pid) == leader)

    def start(self, name: str, *arguments: str, prefix: tuple[str, ...] = (), **environment: str) -> str:
        """Start a node with one GPU slot: the head, where it is the first."""
        sizes = ("--num-gpus=1", "--num-cpus=8", "--object-store-memory=500000000", *arguments)
        if (Path(self.environment["DGPO_RAY_STATE"]) / "head").exists():
            return self.script("worker", self.address, "--name", name, *sizes, prefix=prefix, **environment)
        port = f"--port={self.address.rpartition(':')[2]}"
        return self.script("head", "--name", "head", port, "--include-dashboard=false", *sizes, **environment)


@pytest.fixture(scope="module")
def ray_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    """A cluster whose head runs; its nodes end with the module."""
    folder = tmp_path_factory.mktemp("ray")
    own = {"DGPO_RAY_STATE": str(folder / "state"), "RAY_AUTH_TOKEN_PATH": str(folder / "token")}
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    cluster = RayCluster({**environment, **own}, f":{free_port()}")
    try:
        # Its address as it says it, by which status knows the cluster.
        address = cluster.start("head").split()[-1]
        yield RayCluster({**cluster.environment, "RAY_ADDRESS": address, "RAY_AUTH_MODE": "token"}, address)
    finally:
        cluster.script("stop")


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Call a command with these words, which must end in status 2 and a message; the message on one line."""
    from dgpo.cli import main

    def refused(*words: object) -> str:
        assert main([*map(str, words)]) == 2
        said = " ".join(capsys.readouterr().err.split())
        assert said and "Traceback" not in said
        return said

    return refused


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quick start's model with random weights."""
    from dgpo.cli import main

    folder = tmp_path_factory.mktemp("untrained") / "model"
    assert main(["model", "small", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def train_to(untrained: Path) -> Callable[[Path, int, float], None]:
    """Leave in a run what the trainer leaves of a step: a checkpoint, of untrained weights, and a validation."""

    def train_to(run: Path, step: int, score: float) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        from dgpo.runs.checkpoints import write_manifest

        checkpoint = run / f"checkpoints/global_step_{step}"
        shutil.copytree(untrained, checkpoint / "actor/huggingface")
        (checkpoint / "actor/huggingface/model.safetensors").unlink()
        weights = AutoModelForCausalLM.from_pretrained(untrained).state_dict()
        torch.save(weights, checkpoint / "actor/model_world_size_1_rank_0.pt")
        (checkpoint / "actor/fsdp_config.json").write_text(json.dumps({"FSDP_version": 1, "world_size": 1}))
        (run / "metrics").mkdir(exist_ok=True)
        with (run / "metrics/001.jsonl").open("a") as stream:
            data = {"actor/grad_norm": 1.0, "val-core/arithmetic/acc/mean@8": score}
            stream.write(json.dumps({"step": step, "data": data}) + "\n")
        write_manifest(checkpoint)

    return train_to
