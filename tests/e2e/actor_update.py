"""One rank of verl's FSDP actor doing updates on a fixed batch; run by test_actor_update.py.

Environment as torchrun sets it. Arguments: config overrides as JSON, number of updates, file for the parameters.
"""

import functools
import json
import sys

import torch
from tensordict import TensorDict
from torch.distributed.tensor import DTensor

from dgpo.config.compose import compose_config, resolved, select_platform

config = resolved(compose_config("quickstart", json.loads(sys.argv[1])))
select_platform(config)

from verl.utils import tensordict_utils as tu  # noqa: E402
from verl.utils.config import omega_conf_to_dataclass  # noqa: E402
from verl.workers.config import TrainingWorkerConfig  # noqa: E402
from verl.workers.engine_workers import TrainingWorker  # noqa: E402
from verl.workers.utils.losses import ppo_loss  # noqa: E402

SEQUENCES, UPDATES = 16, int(sys.argv[2])


def jagged(rows: list[torch.Tensor]) -> torch.Tensor:
    return torch.nested.as_nested_tensor(rows, layout=torch.jagged)


def batch() -> dict[str, list[torch.Tensor]]:
    """Random prompts, responses of different lengths, advantages of both signs; the same on every rank."""
    generator = torch.Generator().manual_seed(0)
    fields: dict[str, list[torch.Tensor]] = {name: [] for name in ("prompts", "responses", "advantages")}
    for _ in range(SEQUENCES):
        length = int(torch.randint(5, 20, (), generator=generator))
        fields["prompts"].append(torch.randint(3, 259, (7,), generator=generator))
        fields["responses"].append(torch.randint(3, 259, (length,), generator=generator))
        fields["advantages"].append(torch.randn((), generator=generator).expand(length).clone())
    return fields


def tensordict(fields: dict[str, list[torch.Tensor]]) -> TensorDict:
    """The fields as verl's trainer hands them to the actor: nested tensors, and settings beside them."""
    pairs = list(zip(fields["prompts"], fields["responses"], strict=True))
    ones = jagged([torch.ones(len(response)) for response in fields["responses"]])
    tensors = {name: jagged(rows) for name, rows in fields.items()}
    tensors["input_ids"] = jagged([torch.cat(pair) for pair in pairs])
    tensors["position_ids"] = jagged([torch.arange(sum(map(len, pair))) for pair in pairs])
    tensors["response_mask"] = tensors["loss_mask"] = ones
    settings = {"temperature": 1.0, "calculate_entropy": True, "compute_loss": False}
    return tu.get_tensordict(tensors, non_tensor_dict=settings)


actor = omega_conf_to_dataclass(config.actor_rollout_ref.actor)
actor.model_config = omega_conf_to_dataclass(config.actor_rollout_ref.model)
actor.engine.infer_micro_batch_size_per_gpu = actor.engine.micro_batch_size_per_gpu = 2
actor.engine.use_dynamic_bsz = False
actor.optim.total_training_steps = 10
worker = TrainingWorker(
    TrainingWorkerConfig(
        model_type="language_model",
        model_config=actor.model_config,
        engine_config=actor.engine,
        optimizer_config=actor.optim,
        checkpoint_config=actor.checkpoint,
    )
)
worker.reset()
worker.set_loss_fn(functools.partial(ppo_loss, config=actor))

rank, ranks = torch.distributed.get_rank(), torch.distributed.get_world_size()
everything = batch()
mine = {name: rows[rank::ranks] for name, rows in everything.items()}
data = tensordict(mine)
log_probs = worker.infer_batch(data.clone())["log_probs"]
offsets = log_probs.offsets()
data["old_log_probs"] = jagged(
    [
        log_probs.values()[end - len(response) - 1 : end - 1]
        for end, response in zip(offsets[1:].tolist(), mine["responses"], strict=True)
    ]
)
sizes = {"mini_batch_size": SEQUENCES // UPDATES, "global_batch_size": SEQUENCES // UPDATES}
tu.assign_non_tensor(data, **sizes, epochs=1, calculate_entropy=config.actor_rollout_ref.actor.calculate_entropy)
worker.train_mini_batch(data)

parameters = {}
for name, value in worker.engine.get_per_tensor_param()[0]:
    full = value.full_tensor() if isinstance(value, DTensor) else value
    parameters[name] = full.detach().cpu().clone()
if rank == 0:
    torch.save(parameters, sys.argv[3])
torch.distributed.destroy_process_group()
