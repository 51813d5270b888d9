import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tensordict import TensorDict
from transfer_queue import KVBatchMeta
from verl.utils import tensordict_utils as tu
from verl.utils.config import omega_conf_to_dataclass
from verl.workers.utils.losses import ppo_loss

from dgpo.config.compose import compose_config, resolved
from dgpo.runs.kept import ANSWERS, ROWS, read_step, write_rows
from dgpo.training.keeping import KeepingLoss, choose, log_table

STEP = 4 * ROWS


@pytest.fixture(scope="module")
def actor() -> Any:
    return omega_conf_to_dataclass(resolved(compose_config("quickstart")).actor_rollout_ref.actor)


def nested(rows: list[torch.Tensor]) -> torch.Tensor:
    return torch.nested.as_nested_tensor(rows, layout=torch.jagged)


def micro_batch(kept: list[int], last: bool) -> tuple[dict[str, torch.Tensor], TensorDict]:
    """What an engine hands to a loss: answers of 3, 4, ... tokens, behind a prompt of 2."""
    lengths = range(3, 3 + len(kept))
    generator = torch.Generator().manual_seed(len(kept))
    columns = {
        "prompts": [torch.tensor([1, 2])] * len(kept),
        "responses": [torch.arange(length) for length in lengths],
        "old_log_probs": [-torch.rand(length, generator=generator) for length in lengths],
        "advantages": [torch.full((length,), 1.0 - i) for i, length in enumerate(lengths)],
        "response_mask": [torch.ones(length, dtype=torch.int64) for length in lengths],
    }
    data = TensorDict({name: nested(rows) for name, rows in columns.items()}, batch_size=len(kept))
    data["kept"] = torch.tensor(kept)
    tu.assign_non_tensor(data, dp_size=1, batch_num_tokens=None, global_batch_size=None, update_lr_scheduler=last)
    output = nested([-torch.rand(2 + length, generator=generator) for length in lengths])
    return {"log_probs": output}, data


def test_the_loss_is_verl_s_and_the_last_update_writes_the_marked_answers(actor: Any, tmp_path: Path) -> None:
    keeping = KeepingLoss(actor, tmp_path)
    for kept, last in (([STEP, -1, STEP + 1], False), ([-1, -1], False), ([-1, STEP + 2, -1, -1], True)):
        output, data = micro_batch(kept, last)
        loss, metrics = keeping(model_output=output, data=data, dp_group=None)
        wanted, wanted_metrics = ppo_loss(actor, output, data)
        assert loss.item() == wanted.item() and metrics.keys() == wanted_metrics.keys()
        assert (tmp_path / "4").exists() == last
    told = {"prompt": "[]", "said": "{}", "turns": "[]", "staleness": 0, "group": "g"}
    rows = [{"row": STEP + i, "answer": str(i), **told} for i in range(3)]
    write_rows(tmp_path / "4/groups-0.parquet", rows, ANSWERS)
    first, second, third = read_step(tmp_path / "4")
    assert [len(each.token) for each in (first, second, third)] == [3, 5, 4]
    # A token's log-prob is that of the position before it.
    assert third.log_prob.tolist() == output["log_probs"][1][1:5].tolist()
    assert third.old_log_prob.tolist() == data["old_log_probs"][1].tolist()
    assert second.advantage.tolist() == [-1.0] * 5 and second.mask.all()


def test_groups_are_chosen_whole_at_random_and_again_alike() -> None:
    keys = [f"u_{group}_{session}_0" for session in range(12) for group in range(5)]
    tags: list[dict[str, Any]] = [{} for _ in keys]
    keys, tags = [*keys, "padding_0_0"], [*tags, {"is_padding": True}]
    batch = KVBatchMeta(partition_id="train", keys=keys, tags=tags)
    chosen = choose(batch, 2, "0/7/0")
    assert chosen == choose(batch, 2, "0/7/0") and len({tuple(choose(batch, 2, f"0/{i}/0")) for i in range(20)}) > 5
    groups = [key.rsplit("_", 2)[0] for key in chosen]
    assert len(set(groups)) == 2 and groups == sorted(groups, key=groups.index)
    assert [key.split("_")[2] for key in chosen[:12]] == [str(session) for session in range(12)]
    assert len(choose(batch, 9, "")) == 60 and not choose(batch, 0, "")


def test_a_disk_that_takes_nothing_costs_the_groups_and_not_the_training(
    actor: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "full").write_text("")
    keeping = KeepingLoss(actor, tmp_path / "full")
    loss, _ = keeping(*micro_batch([STEP], True))
    assert torch.isfinite(loss) and "the groups of step 4 are not kept" in capsys.readouterr().err


def test_the_table_for_wandb_is_in_its_own_files_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    told = ("group", "answer", "prompt", "text", "ground_truth", "score", "said", "staleness")
    with wandb.init(dir=str(tmp_path), project="test"):
        log_table([dict.fromkeys(told, "x") | {"text": "<b>what it wrote", "score": 1.0}], step=3)
    (table,) = tmp_path.rglob("rollouts*.table.json")
    content = json.loads(table.read_text())
    assert (
        content["columns"] == ["step", *told]
        and content["data"][0][:1] == [3]
        and "<b>what it wrote" in content["data"][0]
    )
