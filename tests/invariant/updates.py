"""One rank of verl's FSDP actor doing updates on a fixed batch, case after case; run by test_updates.py.

Environment as torchrun sets it. Arguments: the cases as JSON, and a file to be written by rank 0: for each case the
metrics of each update and the parameters in the end, or the error that it ended in.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from tensordict import TensorDict
from torch.distributed.tensor import DTensor

from dgpo.config.compose import compose_config, resolved, select_platform

select_platform(compose_config("quickstart"))

from verl.utils import tensordict_utils as tu  # noqa: E402
from verl.utils.metric import Metric  # noqa: E402

from benchmarks.update import actor_worker  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))
import flash_attention  # noqa: E402  # pyright: ignore[reportImplicitRelativeImport]

SEQUENCES = 16
flash_attention.install()


def jagged(rows: list[torch.Tensor]) -> torch.Tensor:
    return torch.nested.as_nested_tensor(rows, layout=torch.jagged)


def batch(updates: int, padding: bool) -> dict[str, list[torch.Tensor]]:
    """Random prompts, responses of different lengths, advantages of both signs; the same on every rank.

    With ``padding`` each update has two samples more, like verl's that fill up a mini-batch: no token of theirs counts.
    """
    generator = torch.Generator().manual_seed(0)
    fields: dict[str, list[torch.Tensor]] = {name: [] for name in ("prompts", "responses", "advantages", "loss_mask")}

    def add(prompt: int, length: int, counts: float) -> None:
        fields["prompts"].append(torch.randint(3, 259, (prompt,), generator=generator if counts else None))
        fields["responses"].append(torch.randint(3, 259, (length,), generator=generator if counts else None))
        advantage = torch.randn((), generator=generator) if counts else torch.tensor(0.0)
        fields["advantages"].append(advantage.expand(length).clone())
        fields["loss_mask"].append(torch.full((length,), counts))

    for number in range(SEQUENCES):
        if padding and number % (SEQUENCES // updates) == 0:
            add(17, 31, 0.0)
        add(7, int(torch.randint(5, 20, (), generator=generator)), 1.0)
        if padding and number % (SEQUENCES // updates) == 2:
            add(1, 1, 0.0)
    return fields


def tensordict(fields: dict[str, list[torch.Tensor]]) -> TensorDict:
    """The fields as verl's trainer hands them to the actor: nested tensors, and settings beside them."""
    pairs = list(zip(fields["prompts"], fields["responses"], strict=True))
    tensors = {name: jagged(rows) for name, rows in fields.items()}
    tensors["input_ids"] = jagged([torch.cat(pair) for pair in pairs])
    tensors["position_ids"] = jagged([torch.arange(sum(map(len, pair))) for pair in pairs])
    tensors["response_mask"] = tensors["loss_mask"]
    settings = {"temperature": 1.0, "calculate_entropy": True, "compute_loss": False}
    return tu.get_tensordict(tensors, non_tensor_dict=settings)


def figure(value: Any) -> float:
    """A metric of one update: verl has some as lists over ranks and micro-batches, which it averages."""
    value = value.aggregate() if isinstance(value, Metric) else value
    return float(torch.tensor(value, dtype=torch.float64).mean())


def run(case: dict[str, Any]) -> dict[str, Any]:
    config = resolved(compose_config("quickstart", case["overrides"]))
    sizes = {"micro_batch_size_per_gpu": case.get("micro_batch", 2), "max_token_len_per_gpu": case.get("tokens", 0)}
    sizes |= {f"infer_{key}": size for key, size in sizes.items()}
    worker = actor_worker(config, use_dynamic_bsz="tokens" in case, **sizes)
    flash_attention.called.update(packed=0, exchanged=0)
    rank, ranks = worker.engine.get_data_parallel_rank(), worker.engine.get_data_parallel_size()
    everything = batch(case["updates"], case.get("padding", False))
    mine = {name: rows[rank::ranks] for name, rows in everything.items()}
    data = tensordict(mine)
    inferred = worker.infer_batch(data.clone())
    result = [list(inferred["log_probs"].unbind()) if inferred is not None else []]
    if torch.distributed.get_world_size() > ranks:
        # Of the ranks that share sequences one has the result, which verl's controller gives to all.
        torch.distributed.broadcast_object_list(result, src=0)
    pairs = zip(result[0], mine["responses"], strict=True)
    data["old_log_probs"] = jagged([log_probs[-len(response) - 1 : -1] for log_probs, response in pairs])
    size = len(everything["prompts"]) // case["updates"]
    entropy = config.actor_rollout_ref.actor.calculate_entropy
    tu.assign_non_tensor(data, mini_batch_size=size, global_batch_size=size, epochs=1, calculate_entropy=entropy)
    trained = worker.train_mini_batch(data)
    metrics = tu.get(trained, "metrics") if trained is not None else {}
    parameters = {}
    for name, value in worker.engine.get_per_tensor_param()[0]:
        full = value.full_tensor() if isinstance(value, DTensor) else value
        parameters[name] = full.detach().cpu().clone()
    metrics = {key: list(map(figure, values)) for key, values in metrics.items()}
    return {"metrics": metrics, "parameters": parameters, "called": dict(flash_attention.called)}


results = {}
for name, each in json.loads(sys.argv[1]).items():
    try:
        results[name] = run(each)
    except RuntimeError as error:
        if not each.get("fails"):
            raise
        results[name] = {"error": str(error)}
if torch.distributed.get_rank() == 0:
    torch.save(results, sys.argv[2])
torch.distributed.destroy_process_group()
