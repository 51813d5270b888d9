"""Weights over gloo from one sender to two receivers, by verl's own protocol: prepare, topology, group, transfer."""

import asyncio

import torch

from dgpo.cpu.checkpoint_engine import GlooCheckpointEngine

WEIGHTS = {
    "matrix": torch.arange(6.0).reshape(2, 3),
    "half": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
    "scalar": torch.tensor(3.0),
    "strided": torch.arange(6.0).reshape(2, 3).T,
    "empty": torch.zeros(0, 4),
}


async def received(engine: GlooCheckpointEngine) -> dict[str, torch.Tensor]:
    return {name: weight async for name, weight in engine.receive_weights()}


async def update(actors: list[GlooCheckpointEngine], rollouts: list[GlooCheckpointEngine]) -> list:
    """One weight sync, as verl's CheckpointEngineManager does it; what each engine returns."""
    metadata = [engine.prepare() for engine in (*actors, *rollouts)]
    topology = GlooCheckpointEngine.build_topology(len(actors), len(rollouts), metadata)
    joins = []
    for engines, arguments in zip((actors, rollouts), topology, strict=True):
        for i, engine in enumerate(engines):
            joins.append(asyncio.to_thread(engine.init_process_group, **{key: v[i] for key, v in arguments.items()}))
    await asyncio.gather(*joins)
    sends = [engine.send_weights(WEIGHTS.items()) for engine in actors]
    results = await asyncio.gather(*sends, *map(received, rollouts))
    for engine in (*actors, *rollouts):
        engine.finalize()
    return results


def test_every_receiver_gets_every_weight_and_an_actor_beside_the_sender_stays_out() -> None:
    actors = [GlooCheckpointEngine(bucket_size=1, is_master=rank == 0) for rank in range(2)]
    rollouts = [GlooCheckpointEngine(bucket_size=1) for _ in range(2)]
    # Twice: each update makes a group of its own.
    for _ in range(2):
        sent, beside, *copies = asyncio.run(update(actors, rollouts))
        assert sent == {"weight_sync/bytes": float(sum(w.nbytes for w in WEIGHTS.values()))} and beside == {}
        for copy in copies:
            assert list(copy) == list(WEIGHTS)
            for name, weight in WEIGHTS.items():
                assert copy[name].dtype == weight.dtype and torch.equal(copy[name], weight)
