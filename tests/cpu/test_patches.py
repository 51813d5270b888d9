"""Each patch of dgpo.cpu is still forced by verl, vLLM or torch. When a test here fails, drop the patch it names."""

import asyncio
import inspect
import os

import pytest
import torch
import zmq
from verl.utils import distributed

from dgpo.cpu import worker
from tests.ports import free_port


@pytest.fixture
def one_rank(monkeypatch: pytest.MonkeyPatch):
    for name, value in {"RANK": 0, "WORLD_SIZE": 1, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}.items():
        monkeypatch.setenv(name, str(value))
    yield
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def test_verl_s_backend_string_names_the_cpu_twice(one_rank: None) -> None:
    with pytest.raises(ValueError, match="Duplicate device type cpu"):
        distributed.initialize_global_process_group_ray()


def test_the_patched_call_makes_a_gloo_group(one_rank: None) -> None:
    worker.engine_workers.initialize_global_process_group_ray(timeout_second=None)
    total = torch.ones(1)
    torch.distributed.all_reduce(total)
    assert "gloo" in torch.distributed.get_backend() and total.item() == 1


def test_verl_pins_memory_of_the_reference_model_and_a_cpu_cannot() -> None:
    source = inspect.getsource(worker.FSDPEngineWithLMHead._build_fsdp_module)
    assert "CPUOffloadPolicy(pin_memory=True)" in source
    with pytest.raises(RuntimeError, match="accelerator device when none is available"):
        torch.ones(1).pin_memory()


def test_verl_lets_fsdp1_send_weights_round_which_it_refuses_on_a_cpu(one_rank: None) -> None:
    source = inspect.getsource(worker.FSDPEngineWithLMHead._build_fsdp_module)
    assert "sync_module_states=True" in source
    torch.distributed.init_process_group("gloo", rank=0, world_size=1)
    with pytest.raises(ValueError, match="requires them to be on GPU"):
        worker.FSDP(torch.nn.Linear(2, 2), device_id=torch.device("cpu"), sync_module_states=True)


def test_verl_keeps_parameters_that_go_on_changing_on_a_cpu_and_the_patch_copies_them(one_rank: None) -> None:
    from torch.distributed.fsdp import fully_shard
    from verl.utils import fsdp_utils

    torch.distributed.init_process_group("gloo", rank=0, world_size=1)
    mesh = torch.distributed.init_device_mesh("cpu", (1,))
    model = torch.nn.Linear(2, 2)
    fully_shard(model, mesh=mesh)
    before = model.weight.full_tensor().clone()
    alias, _ = worker._original_save(model)
    copies = fsdp_utils.fsdp2_sharded_save_to_cpu(model)
    with torch.no_grad():
        model.weight.add_(1)
    assert torch.equal(alias["weight"][0], before + 1)
    assert torch.equal(copies[0]["weight"][0], before)
    fsdp_utils.fsdp2_sharded_load_from_cpu(model, *copies)
    assert torch.equal(model.weight.full_tensor(), before)


def test_verl_takes_log_probs_of_packed_tokens_one_by_one_and_the_patch_all_at_once() -> None:
    from verl.utils import torch_functional

    logits, labels = torch.randn(50, 11, requires_grad=True), torch.randint(11, (50,))
    one_by_one = torch_functional.logprobs_from_logits(logits, labels)
    assert graph_size(one_by_one) > len(labels)
    at_once = worker.transformer_impl.logprobs_from_logits(logits, labels, inplace_backward=False)  # pyright: ignore
    assert graph_size(at_once) < 10
    torch.testing.assert_close(at_once, one_by_one)
    upstream = torch.randn(50)
    gradients = [torch.autograd.grad(each, logits, upstream)[0] for each in (at_once, one_by_one)]
    torch.testing.assert_close(*gradients)


def graph_size(tensor: torch.Tensor) -> int:
    """Number of operations that a backward pass visits."""
    seen, ahead = set(), [tensor.grad_fn]
    while ahead:
        node = ahead.pop()
        if node is not None and node not in seen:
            seen.add(node)
            ahead.extend(following for following, _ in node.next_functions)
    return len(seen)


def test_verl_moves_fsdp1_to_a_device_with_an_index() -> None:
    from verl.utils import fsdp_utils

    assert 'f"{get_device_name()}:{device_id}"' in inspect.getsource(fsdp_utils.load_fsdp_model_to_gpu)


def test_vllm_drops_a_linear_weight_once_it_is_packed() -> None:
    from vllm.model_executor.layers import linear, utils

    from dgpo.cpu import rollout

    assert "dispatch_cpu_unquantized_gemm(layer, remove_weight=True)" in inspect.getsource(linear)
    packed, kept = torch.nn.Linear(64, 64, bias=False), torch.nn.Linear(64, 64, bias=False)
    kept.weight.data.copy_(packed.weight.data)
    packed.requires_grad_(False), kept.requires_grad_(False)
    utils.dispatch_cpu_unquantized_gemm(packed, remove_weight=True)
    rollout.dispatch_keeping_weight(kept, remove_weight=True)
    assert packed.weight.numel() == 0 and kept.weight.shape == (64, 64)
    x = torch.randn(3, 64)
    expected = x @ kept.weight.T
    torch.testing.assert_close(kept.cpu_linear(x, kept.weight, None), expected)
    # What a weight sync does: load into the kept weight, pack again.
    kept.weight.data.mul_(2)
    rollout.dispatch_keeping_weight(kept, remove_weight=True)
    torch.testing.assert_close(kept.cpu_linear(x, kept.weight, None), 2 * expected)


def sender(tmp_path) -> worker.BucketedWeightSender:
    return worker.BucketedWeightSender(f"ipc://{tmp_path}/sync.sock", bucket_size_mb=1, use_shm=True)


def test_verl_s_weight_sender_has_no_time_limit_of_its_own(tmp_path) -> None:
    unbounded = sender(tmp_path)
    worker._original_init_socket(unbounded)
    assert unbounded.socket is not None
    try:
        assert unbounded.socket.getsockopt(zmq.RCVTIMEO) == -1
    finally:
        unbounded.socket.close(linger=0)


def test_a_weight_sync_without_a_receiver_is_an_error_not_a_hang(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "WEIGHT_SYNC_TIMEOUT_S", 0.3)
    weights = iter([("w", torch.ones(4))])
    with pytest.raises(TimeoutError, match="vLLM did not take the new weights within"):
        asyncio.run(sender(tmp_path).async_send_weights(weights))
    assert not os.listdir(tmp_path)
