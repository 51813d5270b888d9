"""A Ray cluster that runs already: which one a config means, and what its nodes hold. And what is lost of the cluster
during a run.
"""

import contextlib
import hashlib
import logging
import os
import platform
import signal
import socket
import threading
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict

from dgpo.versions import installed_versions

POLL_S = 2.0
CONNECT_LIMIT_S = 10.0
# Ray calls a node dead when it has missed five health checks, 3 s apart and 10 s long at most.
SETTLE_S = 30.0
MAX_REASON_CHARS = 300
# What processes on any node open, so relative to no working directory.
PATHS = (
    "run.dir",
    "trainer.default_local_dir",
    "trainer.validation_data_dir",
    "trainer.rollout_data_dir",
    "trainer.resume_from_path",
    "data.train_files",
    "data.val_files",
    "actor_rollout_ref.model.path",
)


class LostError(RuntimeError):
    """A node of the cluster or a process of the run has died; the message names it."""


def cluster_address(config: DictConfig) -> str | None:
    """Address of the running cluster that the run would join, "auto" to be looked for; None where it starts its own."""
    address = config.ray_kwargs.ray_init.get("address") or os.environ.get("RAY_ADDRESS") or None
    if address is None and config.trainer.nnodes > 1:
        return "auto"
    return None if address == "local" else address


def settle_cluster(config: DictConfig) -> None:
    """Make ``config`` say which cluster it is: a running one, whose processes need absolute paths, or one of its own.

    Unless told so, ``ray.init`` joins whatever cluster was last started on the machine, or waits for one that is gone.
    """
    if cluster_address(config) is not None:
        make_paths_absolute(config)
    else:
        with open_dict(config):
            config.ray_kwargs.ray_init.address = "local"


def use_token() -> None:
    """Let this process show the cluster's token, where there is one and ``RAY_AUTH_MODE`` does not forbid it.

    Ray's commands do so by themselves, ``ray.init`` does not. To be called before Ray is imported.
    """
    file = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray/auth_token")
    if os.environ.get("RAY_AUTH_TOKEN") or file.is_file():
        os.environ.setdefault("RAY_AUTH_MODE", "token")


def make_paths_absolute(config: DictConfig) -> None:
    """Replace relative paths: Ray's processes do not start in this process's working directory.

    The name of a model to be downloaded stays as it is.
    """
    for key in PATHS:
        value = OmegaConf.select(config, key)
        if isinstance(value, ListConfig):
            OmegaConf.update(config, key, [str(Path(path).expanduser().absolute()) for path in value])
        elif value is not None and (key != "actor_rollout_ref.model.path" or Path(value).expanduser().exists()):
            OmegaConf.update(config, key, str(Path(value).expanduser().absolute()))


def fingerprint(path: str) -> dict[str, int] | None:
    """Size in bytes of each file at or below ``path``, by name; None where nothing is there."""
    place = Path(path)
    if place.is_file():
        return {"": place.stat().st_size}
    if not place.is_dir():
        return None
    return {str(file.relative_to(place)): file.stat().st_size for file in sorted(place.rglob("*")) if file.is_file()}


def survey(paths: list[str]) -> dict[str, Any]:
    """What this node would run and read: package versions, dgpo's own code, and the files at ``paths``."""
    package = Path(__file__).resolve().parent
    code = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        code.update(f"{file.relative_to(package)}\0".encode() + file.read_bytes())
    return {
        "packages": {**installed_versions(), "dgpo": metadata.version("dgpo"), "python": platform.python_version()},
        "code": code.hexdigest(),
        "files": {path: fingerprint(path) for path in paths},
    }


def node_name(node: dict[str, Any]) -> str:
    """A node of ``ray.nodes()`` as a person knows it: its name, and its address where that is not the name."""
    name, address = node.get("NodeName"), node["NodeManagerAddress"]
    return address if name in (None, "", address) else f"{name} ({address})"


@contextlib.contextmanager
def connection(address: str) -> Iterator[list[dict[str, Any]]]:
    """The living nodes of the cluster at ``address``, as ``ray.nodes()`` describes them, while connected to it.

    Raises:
        ConnectionError: no cluster answers there, or it refuses this client.
    """
    import ray
    from ray._private.services import canonicalize_bootstrap_address_or_die
    from ray.exceptions import RayError

    try:
        # Where nothing listens, ray.init waits for ever.
        host, _, port = canonicalize_bootstrap_address_or_die(address).rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_LIMIT_S).close()
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError, RayError) as error:
        raise ConnectionError(str(error).strip().splitlines()[-1]) from error
    try:
        yield [node for node in ray.nodes() if node["Alive"]]
    finally:
        ray.shutdown()


class LossWatch:
    """Interrupts the main thread when a node of the cluster or a process of the run dies, because verl may wait for it
    for ever.

    Any node counts: verl spreads its agent and reward workers over all nodes that have CPUs. A process counts once it
    has been dead for `SETTLE_S`: an error that it leaves behind tells more, and so does the death of its node.

    Attributes:
        lost: the first node or process found dead, and Ray's reason; None while all live.
    """

    def __init__(self) -> None:
        self.lost: str | None = None
        self._seen: set[str] = set()
        self._dead_since: dict[str, float] = {}
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="loss-watch", daemon=True)

    def __enter__(self) -> "LossWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._ended.set()
        # It may be asking a cluster that answers no more.
        self._thread.join(timeout=POLL_S)

    def _look(self) -> None:
        import ray

        if self.lost is not None or not ray.is_initialized():
            return
        for node in ray.nodes():
            if node["Alive"]:
                self._seen.add(node["NodeID"])
            elif node["NodeID"] in self._seen:
                reason = node.get("DeathReasonMessage") or "no reason is known"
                self.lost = f"node {node_name(node)} of the Ray cluster has died: {reason}"
                return
        now = time.monotonic()
        for process, reason in _dead_processes():
            if now - self._dead_since.setdefault(process, now) > SETTLE_S:
                self.lost = f"{process} has died: {reason}"

    def _watch(self) -> None:
        while not self._ended.wait(POLL_S):
            self._look()
            # The lock keeps the signal from reaching what comes after the run.
            with self._lock:
                if self.lost is not None and not self._ended.is_set():
                    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
                    return

    def settle(self) -> str | None:
        """``lost`` after a run has failed: a worker's error comes before Ray knows that its node is dead."""
        deadline = time.monotonic() + SETTLE_S
        while self.lost is None and len(self._seen) > 1 and time.monotonic() < deadline:
            self._look()
            time.sleep(0.5)
        return self.lost


def _dead_processes() -> Iterator[tuple[str, str]]:
    """The processes of this run that have died by themselves or were killed for their memory, and Ray's reason."""
    import ray
    from ray._private.state import actors  # the public list is the dashboard's, which a run may be without

    job = ray.JobID.from_hex(ray.get_runtime_context().get_job_id())
    for actor in actors(job_id=job, actor_state_name="DEAD").values():
        cause = actor["DeathCause"]
        died, killed = cause.actor_died_error_context, cause.oom_context.error_message
        if killed or died.reason == died.WORKER_DIED:
            process = f"{actor['ActorClassName']} (process {actor['Pid']} on {actor['Address']['IPAddress']})"
            yield process, " ".join((killed or died.error_message).split())[:MAX_REASON_CHARS]
