"""The nodes of a Ray cluster that runs already: enough of them, alike, and with the files of the run."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from dgpo.cluster import cluster_address, connection, node_name, survey
from dgpo.config.checks.finding import Finding, finding
from dgpo.config.checks.loading import prompt_files
from dgpo.config.checks.trainer_modes import gpu_groups
from dgpo.console import captured_output

SURVEY_LIMIT_S = 90.0
ADDRESS = "ray_kwargs.ray_init.address"
# What Ray takes only for a cluster that it starts.
SIZES = ("num_gpus", "num_cpus", "object_store_memory", "resources", "include_dashboard")


def cluster(config: DictConfig) -> Iterator[Finding]:
    """Connects to the cluster that the config or RAY_ADDRESS names; nothing where the run starts its own."""
    address = cluster_address(config)
    if address is None:
        if config.trainer.nnodes > 1:
            message = f"a cluster that the run starts has one node, trainer.nnodes is {config.trainer.nnodes}"
            remedy = "start the cluster with scripts/ray_cluster.sh and set the address to auto (docs/cluster.md)"
            yield Finding(ADDRESS, "local", message, remedy)
        return
    sizes_set = [size for size in SIZES if config.ray_kwargs.ray_init.get(size) is not None]
    for size in sizes_set:
        message = f"Ray refuses it for a cluster that runs already ({address})"
        yield finding(config, f"ray_kwargs.ray_init.{size}", message, "set it to null; nodes get it when started")
    if sizes_set:
        return
    try:
        # Ray's own lines about a cluster that cannot be reached say less than the error does.
        with captured_output(Path(os.devnull)), connection(address) as nodes:
            findings = [*devices(config, nodes), *differences(config, nodes)]
    except ConnectionError as error:
        remedy = "start the cluster with scripts/ray_cluster.sh, or correct the address or the token (docs/cluster.md)"
        findings = [Finding(ADDRESS, address, f"cannot connect: {error}", remedy)]
    yield from findings


def niceness(config: DictConfig) -> Iterator[Finding]:
    """The run starts the Ray whose workers have the priority."""
    if config.run.worker_niceness is not None and cluster_address(config) is not None:
        message = "the workers of a cluster that runs already have the priority of its start"
        remedy = "start the nodes with RAY_worker_niceness in their environment, and leave it null"
        yield finding(config, "run.worker_niceness", message, remedy)


def slots(node: dict[str, Any]) -> int:
    """GPUs of a node as Ray counts them."""
    return int(node["Resources"].get("GPU", 0))


def devices(config: DictConfig, nodes: list[dict[str, Any]]) -> Iterator[Finding]:
    """Each node that the run asks for has its GPUs, free ones, and the CPUs that verl reserves beside them."""
    import ray

    trainer, asked = config.trainer, gpu_groups(config)
    listing = ", ".join(f"{node_name(node)}: {slots(node)}" for node in nodes) or "no nodes"
    free = [slots(node) for node in nodes]
    total = sum(count * size for _, count, size in asked)
    for group, count, size in asked:
        for _ in range(count):
            fullest = max(range(len(free)), key=free.__getitem__, default=None)
            if fullest is None or free[fullest] < size:
                message = (
                    f"the run needs {total} GPUs, {size} a node here, and the cluster has {sum(map(slots, nodes))} "
                    f"({listing}); {sum(slots(node) >= size for node in nodes)} nodes have {size}"
                )
                remedy = f"start more nodes, or lower {group}.nnodes or {group}.n_gpus_per_node"
                yield Finding(f"{group}.nnodes", count, message, remedy)
                return
            free[fullest] -= size
    unused = int(ray.available_resources().get("GPU", 0))
    if unused < total:
        message = f"the run needs {total} GPUs and {unused} of the cluster's {sum(map(slots, nodes))} are free"
        yield finding(config, "trainer.nnodes", message, "wait for the other run on this cluster, or end it")
    # verl reserves three CPUs with each GPU, and its controllers and storage take one each.
    needed = 3 * trainer.n_gpus_per_node + 1
    for node in nodes:
        cpus = int(node["Resources"].get("CPU", 0))
        if slots(node) >= trainer.n_gpus_per_node and cpus < needed:
            message = f"node {node_name(node)} has {cpus} CPUs, verl reserves {needed} on it"
            yield finding(config, "trainer.n_gpus_per_node", message, f"start it with --num-cpus={needed}")


def differences(config: DictConfig, nodes: list[dict[str, Any]]) -> Iterator[Finding]:
    """Every node runs the packages and reads the files that this machine does."""
    keys = {str(Path(config.actor_rollout_ref.model.path).expanduser().absolute()): "actor_rollout_ref.model.path"}
    keys |= {str(Path(path).expanduser().absolute()): key for key, path in prompt_files(config)}
    run = Path(config.run.dir).absolute()
    while not run.is_dir():
        run = run.parent
    with contextlib.ExitStack() as stack:
        probe = None
        # Otherwise environment.run_folder has said so.
        if os.access(run, os.W_OK):
            probe = stack.enter_context(tempfile.NamedTemporaryFile(dir=run, prefix=".dgpo-probe-")).name
        answers = ask([*keys, *filter(None, [probe])], nodes)
    here = survey(list(keys))
    for name, answer in answers:
        if isinstance(answer, str):
            yield Finding("node", name, answer, "run `bash scripts/install.sh` on it; docs/cluster.md")
            continue
        yield from other_packages(name, answer, here)
        for path, key in keys.items():
            if here["files"][path] is None or answer["files"][path] == here["files"][path]:
                continue
            what = "it is not there" if answer["files"][path] is None else "its files differ from this machine's"
            yield Finding(key, path, f"node {name}: {what}", "copy it there, or use a file system that all nodes share")
        if probe and answer["files"][probe] is None:
            message = f"node {name} does not see {run}: every rank writes its part of a checkpoint there"
            yield finding(config, "run.dir", message, "choose a run.dir on a file system that all nodes share")


def other_packages(name: str, there: dict[str, Any], here: dict[str, Any]) -> Iterator[Finding]:
    """A problem for each package that node ``name`` has in another version than this machine."""
    remedy = "install the same on every node: git pull, then bash scripts/install.sh"
    for package in sorted({*here["packages"], *there["packages"]}):
        ours, theirs = here["packages"].get(package), there["packages"].get(package)
        if ours != theirs:
            message = f"node {name} has {package} {theirs or 'not installed'}, this machine {ours or 'not installed'}"
            yield Finding("node", name, message, remedy)
    if there["packages"].get("dgpo") == here["packages"].get("dgpo") and there["code"] != here["code"]:
        yield Finding("node", name, f"node {name} has another state of dgpo's code than this machine", remedy)


def ask(files: list[str], nodes: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any] | str]]:
    """Name and survey of each node, or what went wrong with it in place of the survey."""
    import ray
    from ray.exceptions import GetTimeoutError, RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task = ray.remote(num_cpus=0, max_retries=0)(survey)
    pending = [
        task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote(files)
        for node in nodes
    ]
    ray.wait(pending, num_returns=len(pending), timeout=SURVEY_LIMIT_S)
    answers: list[tuple[str, dict[str, Any] | str]] = []
    for node, reference in zip(nodes, pending, strict=True):
        try:
            answer = ray.get(reference, timeout=0)
        except GetTimeoutError:
            answer = f"it has not answered within {SURVEY_LIMIT_S:.0f} s"
        except RayError as error:
            answer = f"dgpo does not run there: {str(error).strip().splitlines()[-1]}"
        answers.append((node_name(node), answer))
    return answers
