"""Sends new weights from the trainer to separate rollout servers, over gloo.

verl's own engines (``verl/checkpoint_engine``) need CUDA, Ascend or RDMA. This one is registered as "gloo" and
found through ``rollout.checkpoint_engine.custom_backend_module=dgpo.cpu.checkpoint_engine``; verl then builds it in
each actor rank and in each rollout worker.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable
from datetime import timedelta
from typing import Any

import ray
import torch
from torch.distributed import TCPStore  # pyright: ignore[reportPrivateImportUsage]
from torch.distributed.distributed_c10d import PrefixStore, ProcessGroupGloo
from verl.checkpoint_engine.base import CheckpointEngine, CheckpointEngineRegistry

# The worker's engine and patches: a rollout worker does not load actor_rollout_ref.model.external_lib.
from dgpo.cpu import worker as worker

TIMEOUT = timedelta(seconds=worker.WEIGHT_SYNC_TIMEOUT_S)


@CheckpointEngineRegistry.register("gloo")  # pyright: ignore[reportAttributeAccessIssue]
class GlooCheckpointEngine(CheckpointEngine):
    """Rank 0 of the actor broadcasts each weight to the rollout workers; the other actor ranks take no part.

    A weight is sent as the length of its header, the header (JSON: name, shape, dtype) and its bytes; a length of 0
    ends the update. Each update makes a new group, because a worker may have been replaced.
    """

    def __init__(self, bucket_size: int, is_master: bool = False):
        self.is_master = is_master
        self._store: Any = None
        self._group: Any = None

    def prepare(self) -> dict[str, Any]:
        """The address of rank 0's store, where the others join."""
        if not self.is_master:
            return {}
        host = ray.util.get_node_ip_address()
        self._store = TCPStore(host, 0, is_master=True, wait_for_workers=False, timeout=TIMEOUT)
        return {"host": host, "port": self._store.port}

    @classmethod
    def build_topology(
        cls, actor_wg_world_size: int, rollout_world_size: int, metadata: list[dict[str, Any]]
    ) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
        """Ranks: 0 for the actor's first, from 1 for the rollout workers, -1 for ranks that take no part."""
        world_size = rollout_world_size + 1

        def arguments(ranks: list[int]) -> dict[str, list[Any]]:
            return {"rank": ranks, "world_size": [world_size] * len(ranks), "master": [metadata[0]] * len(ranks)}

        return arguments([0] + [-1] * (actor_wg_world_size - 1)), arguments(list(range(1, world_size)))

    def init_process_group(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, rank: int, world_size: int, master: dict[str, Any]
    ) -> None:
        """Join the group of this update, unless ``rank`` is -1."""
        if rank < 0:
            return
        if self._store is None:
            self._store = TCPStore(master["host"], master["port"], is_master=False, timeout=TIMEOUT)
        self._group = ProcessGroupGloo(PrefixStore("weights", self._store), rank, world_size, TIMEOUT)

    def finalize(self) -> None:
        self._group = self._store = None

    async def send_weights(
        self, weights: Iterable[tuple[str, torch.Tensor]], global_steps: int | None = None
    ) -> dict[str, float]:
        """Broadcast ``weights``; every actor rank iterates over them, because gathering a weight is collective."""
        sent = 0
        for name, weight in weights:
            if self._group is None:
                continue
            value = weight.detach().cpu().contiguous()
            header = json.dumps({"name": name, "shape": list(value.shape), "dtype": str(value.dtype)}).encode()
            await self._broadcast(torch.tensor([len(header)]))
            await self._broadcast(torch.frombuffer(bytearray(header), dtype=torch.uint8))
            await self._broadcast(value.reshape(-1).view(torch.uint8))
            sent += value.nbytes
        if self._group is None:
            return {}
        await self._broadcast(torch.tensor([0]))
        return {"weight_sync/bytes": float(sent)}

    async def receive_weights(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, global_steps: int | None = None
    ) -> AsyncGenerator[tuple[str, torch.Tensor], None]:
        """Name and tensor of each weight, as rank 0 sends them."""
        while length := int(await self._broadcast(torch.zeros(1, dtype=torch.int64))):
            header = json.loads((await self._broadcast(torch.zeros(length, dtype=torch.uint8))).numpy().tobytes())
            value = torch.empty(header["shape"], dtype=getattr(torch, header["dtype"].removeprefix("torch.")))
            await self._broadcast(value.reshape(-1).view(torch.uint8))
            yield header["name"], value

    async def _broadcast(self, tensor: torch.Tensor) -> torch.Tensor:
        """Fill ``tensor`` in place with rank 0's content, without blocking the event loop."""
        work = self._group.broadcast(tensor, root=0)
        await asyncio.to_thread(work.wait)
        return tensor
