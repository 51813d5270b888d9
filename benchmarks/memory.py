"""The memory plan against torch's own tracker, part by part: the models as the recipes set them, nothing allocated.

    python -m benchmarks.memory --output benchmarks/results/memory.md [CONFIG ...]

Fake tensors, a fake process group of the recipe's size, verl's own division into FSDP2 units, FSDPMemTracker: two
updates and a log-prob pass of transformers' Qwen2 of the recipe's shape. Two stand-ins keep and allocate what
flash-attn does: attention, and the cross-entropy that writes its gradient over the logits. Takes minutes a model.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
import torch.distributed as dist
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed._tools.fsdp2_mem_tracker import FSDPMemTracker
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy
from torch.distributed.tensor._sharding_prop import ShardingPropagator
from torch.testing._internal.distributed.fake_pg import FakeStore
from torch.utils._python_dispatch import _disable_current_modes
from transformers import AttentionInterface, AttentionMaskInterface, Qwen2Config, Qwen2ForCausalLM
from verl.utils.fsdp_utils import apply_fsdp2
from verl.utils.torch_functional import entropy_from_logits, entropy_from_logits_with_chunking

from benchmarks.common import arguments_of, publish
from dgpo.config.compose import compose_config, resolved
from dgpo.config.memory import phases
from dgpo.config.memory.setup import GIB, Setup, setup_from
from dgpo.config.memory.shape import ModelShape
from dgpo.tables import Table

# The tracker's names by the plan's. It counts the output layer's gradient as temporary, the plan as gathered, so what
# is no state stands together.
STATE = {"weights": "Sharded Param", "gradients": "Sharded Grad", "optimiser": "OptState"}


class Attention(torch.autograd.Function):
    """Keeps what flash-attn 2 does (q, k, v, output, fp32 log-sum-exp), and allocates what its backward pass does."""

    @staticmethod
    def forward(ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        out, sums = torch.empty_like(q), torch.empty(q.shape[:-1])
        ctx.save_for_backward(q, k, v, out, sums)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, ...]:
        q, k, v, _, sums = ctx.saved_tensors
        # An fp32 sum of dq, softmax sums, dk and dv of every query head.
        working = [gradients[0].contiguous(), torch.empty_like(q, dtype=torch.float32), torch.empty_like(sums)]
        working += [torch.empty_like(q), torch.empty_like(q)]
        return torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)


class CrossEntropy(torch.autograd.Function):
    """Keeps the logits, and writes their gradient over them where ``in_place``."""

    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, in_place: bool) -> torch.Tensor:
        ctx.save_for_backward(logits)
        ctx.in_place = in_place
        return torch.empty(logits.shape[0])

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        (logits,) = ctx.saved_tensors
        return (logits.mul_(1.0) if ctx.in_place else torch.empty_like(logits)), None


def attend(_: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *__: Any, **___: Any) -> Any:
    return Attention.apply(*(part.transpose(1, 2).contiguous() for part in (query, key, value))), None


AttentionInterface.register("stand_in", attend)
AttentionMaskInterface.register("stand_in", lambda *_, **__: None)


def model_of(shape: ModelShape) -> Qwen2ForCausalLM:
    """transformers' model of that shape, in fp32 like verl's."""
    return Qwen2ForCausalLM(Qwen2Config(**shape.settings, attn_implementation="stand_in"))


@contextmanager
def fake_gpus(number: int) -> Iterator[Any]:
    """A mesh of so many, in which tensors have no contents. DTensor tries out shapes on whole tensors, which the
    tracker is not to count."""
    real = ShardingPropagator._propagate_tensor_meta_non_cached

    def unseen(self: Any, schema: Any) -> Any:
        with _disable_current_modes():
            return real(self, schema)

    ShardingPropagator._propagate_tensor_meta_non_cached = unseen
    dist.init_process_group("fake", rank=0, world_size=number, store=FakeStore())
    try:
        mesh = init_device_mesh("cpu", (number,))
        with FakeTensorMode(allow_non_fake_inputs=True):
            yield mesh
    finally:
        dist.destroy_process_group()
        ShardingPropagator._propagate_tensor_meta_non_cached = real


def tracked(setup: Setup) -> dict[str, dict[str, int]]:
    """Bytes at the peak of each moment of the plan that the trainer is in, by the tracker's parts."""
    peaks: dict[str, dict[str, int]] = {}
    with fake_gpus(setup.shard) as mesh:
        model = model_of(setup.shape)
        if setup.checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        precision = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
        apply_fsdp2(model, {"mesh": mesh, "mp_policy": precision, "reshard_after_forward": True}, {})
        optimiser = torch.optim.AdamW(model.parameters())
        tracker = FSDPMemTracker(model, optimiser)

        def reached(moment: str) -> None:
            """What was the peak since the last call belongs to ``moment``."""
            (parts,) = tracker.get_tracker_snapshot("peak").values()
            if parts["Total"] > peaks.get(moment, {"Total": 0})["Total"]:
                peaks[moment] = {getattr(part, "value", part): size for part, size in parts.items()}
            tracker._peak_mem.clear()
            tracker._peak_mem_snap.clear()

        def split(_: Any, __: Any, output: Any) -> None:
            """The gradient of the last hidden states comes between the output layer's backward pass and the layers'."""
            if output[0].requires_grad:
                output[0].register_hook(lambda _: reached("update, head"))

        model.model.register_forward_hook(split)

        def log_probs(tokens: int, *, entropy: bool) -> torch.Tensor:
            ids, positions = torch.zeros(1, tokens, dtype=torch.long), torch.arange(tokens)[None]
            logits = model(input_ids=ids, position_ids=positions, use_cache=False).logits.squeeze(0)
            found = CrossEntropy.apply(logits, not entropy)
            if entropy and setup.chunked_entropy:
                return found + entropy_from_logits_with_chunking(logits, setup.entropy_rows)
            # verl's autocast computes softmax and logsumexp in fp32 on a GPU.
            return found + entropy_from_logits(logits.float()) if entropy else found

        with tracker:
            # The second update finds the optimiser's moments, and the gradients of another micro-batch.
            for micro_batches in (1, 2):
                for _ in range(micro_batches):
                    log_probs(setup.tokens, entropy=setup.update_entropy).sum().backward()
                    reached("update, layers")
                    tracker.reset_mod_stats()
                optimiser.step()
                optimiser.zero_grad()
                reached("optimiser step")
            with torch.no_grad():
                log_probs(setup.log_prob_tokens, entropy=True)
            reached("log-probs")
    return peaks


def compare(setup: Setup) -> list[tuple[str, str, int, int]]:
    """Moment, part, bytes planned and tracked. Offloaded state counts as there, contexts as not."""
    setup = replace(setup, param_offload=False, optimizer_offload=False)
    peaks = tracked(setup)
    rows: list[tuple[str, str, int, int]] = []
    for phase, parts in phases.phases(setup).items():
        if phase not in peaks:
            continue
        peak, plan = peaks[phase], {name: size for name, size in parts.items() if name != "contexts"}
        state = [(name, plan[name], peak.get(theirs, 0)) for name, theirs in STATE.items() if name in plan]
        whole = ("all", sum(plan.values()), peak["Total"])
        planned, found = (whole[side] - sum(row[side] for row in state) for side in (1, 2))
        rows += [(phase, *row) for row in (*state, ("activations, logits, gathered", planned, found), whole)]
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    parser = arguments_of(__doc__)
    parser.add_argument("configs", nargs="*", default=["dgpo_1_5b", "dgpo_7b", "dgpo_14b"], metavar="CONFIG")
    arguments = parser.parse_args(argv)
    rows = []
    for name in arguments.configs:
        setup = setup_from(resolved(compose_config(name, [])))
        of = f"{name}: {setup.shard} GPUs, {setup.tokens:,} tokens"
        for moment, part, planned, found in compare(setup):
            ratio = f"{planned / found:.2f}" if found else "–"
            rows.append([of, moment, part, f"{planned / GIB:.2f}", f"{found / GIB:.2f}", ratio])
            of = ""
    note = f"GiB on one GPU, without contexts; torch {torch.__version__}, FSDPMemTracker on fake tensors."
    table = Table(["config", "moment", "part", "plan", "tracker", "plan / tracker"], rows, notes=[note])
    publish(arguments.output, table)


if __name__ == "__main__":
    main()
