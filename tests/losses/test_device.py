"""What a loss asks of an accelerator, read off the operations that it calls on tensors that hold no values."""

from collections import Counter

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from dgpo.losses import METHODS, policy_loss
from dgpo.losses.surrogate import MODES

# Operations whose result the host waits for, with one; a mask as an index calls nonzero.
NONE = torch.empty(0, device="meta")
WAITS = {"_local_scalar_dense": 0.0, "equal": False, "nonzero": NONE, "masked_select": NONE}


class Record(TorchDispatchMode):
    """Counts what makes the host wait for the device `meta`: values read from it, and copies to or from it."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = Counter[str]()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in WAITS:
            self.waits[name] += 1
            return WAITS[name]
        result = func(*args, **(kwargs or {}))
        tensors = [x for x in (*args, result) if isinstance(x, torch.Tensor)]
        if name in ("_to_copy", "copy_") and len({tensor.device.type for tensor in tensors}) > 1:
            self.waits["copy"] += 1
        return result


@pytest.fixture
def record(monkeypatch):
    made = Record()

    def tolist(tensor):
        made.waits["tolist"] += 1
        return [1.0] * tensor.numel()

    monkeypatch.setattr(torch.Tensor, "tolist", tolist)
    for name in ("tensor", "as_tensor"):  # on this device they copy nothing
        monkeypatch.setattr(torch, name, lambda *args, name=name, **kwargs: made.waits.update([name]))
    return made


def on_device(rows: int = 4, width: int = 64) -> list[torch.Tensor]:
    old, new, advantages = (torch.empty(rows, width, device="meta") for _ in range(3))
    return [old, new.requires_grad_(), advantages, torch.empty(rows, width, dtype=torch.bool, device="meta")]


@pytest.mark.parametrize("info", [{}, {"batch_num_tokens": 99, "global_batch_size": 8, "dp_size": 2}])
@pytest.mark.parametrize("name", METHODS)
def test_a_micro_batch_waits_for_its_device_once(name, info, record):
    for mode in MODES:
        tensors = on_device()
        with record:
            loss, _ = policy_loss(name, *tensors, loss_agg_mode=mode, rollout_is_weights=tensors[2], **info)
            loss.backward()
        assert loss.is_meta and tensors[1].grad.is_meta
    assert record.waits == {"tolist": len(MODES)}


def test_the_record_sees_what_waits(record):
    values, mask = on_device()[0], on_device()[3]
    with record:
        values.sum().item()
        torch.masked_select(values, mask)
        torch.equal(values, values)
        torch.ones(3).to("meta")
        torch.as_tensor(3.0, device="meta")
    expected = {"_local_scalar_dense": 1, "masked_select": 1, "equal": 1, "copy": 1, "as_tensor": 1}
    assert record.waits == expected


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("name", METHODS)
def test_a_gpu_computes_the_loss_and_gradient_that_a_cpu_does(name):
    generator = torch.Generator().manual_seed(0)
    old = -3 * torch.rand(32, 2048, generator=generator, dtype=torch.float64)
    new = old + 0.3 * torch.randn(32, 2048, generator=generator, dtype=torch.float64)
    advantages = torch.randn(32, 1, generator=generator, dtype=torch.float64).expand(32, 2048)
    mask = torch.arange(2048) < torch.randint(1024, 2049, (32, 1), generator=generator)

    def run(device, dtype):
        at = new.clone().to(device, dtype).requires_grad_()
        loss, _ = policy_loss(name, old.to(device, dtype), at, advantages.to(device, dtype), mask.to(device))
        loss.backward()
        return loss.item(), at.grad.cpu().double()

    (expected, gradient), (loss, computed) = run("cpu", torch.float64), run("cuda", torch.float32)
    assert loss == pytest.approx(expected, rel=1e-5)
    assert (computed - gradient).norm() < 1e-6 * gradient.norm()
