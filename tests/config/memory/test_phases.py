"""The formulas against figures worked out by hand, and against public recipes that are known to run."""

from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dgpo.config.memory import phases as memory
from dgpo.config.memory.phases import GIB, Setup
from dgpo.config.memory.remedies import KEYS, apply, excess, remedy
from dgpo.config.memory.shape import KNOWN, ModelShape

QWEN = {name.rpartition("-")[2]: shape for name, shape in KNOWN.items()}
TINY = ModelShape(
    hidden=8, layers=3, heads=2, kv_heads=1, head_dim=4, intermediate=16, vocabulary=100, positions=64, tied=False
)


def setup(shape: ModelShape, **changes: object) -> Setup:
    gpus = {"nodes": 1, "gpus_per_node": 8, "gpu_bytes": 79 * GIB, "shard": 8, "tokens": 16384, "longest": 16384}
    gpus["update_samples"] = 512
    return Setup(shape=shape, **{**gpus, **changes})  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("size", "gib"), [("1.5b", 3.3), ("7b", 14.2), ("14b", 27.5)])
def test_the_training_state_is_sixteen_bytes_a_parameter(size: str, gib: float) -> None:
    assert sum(memory.state(setup(QWEN[size])).values()) / GIB == pytest.approx(gib, abs=0.05)


@pytest.mark.parametrize(("tokens", "gib"), [(8192, 4.6), (16384, 9.3), (24576, 13.9)])
def test_logits_are_two_or_three_fp32_tensors(tokens: int, gib: float) -> None:
    plain = setup(QWEN["1.5b"], tokens=tokens)
    assert memory.logits(plain) / GIB == pytest.approx(3 * gib, rel=0.01)
    assert memory.logits(replace(plain, chunked_entropy=True)) / GIB == pytest.approx(2 * gib, rel=0.01)
    fused = replace(plain, fused=True)
    assert memory.logits(fused) == 512 * 151936 * 22


def test_activations_by_hand() -> None:
    # Norms 2·10·8, q k v and output 2·(3·8 + 4·4), residual 2·8, MLP 8·16: 384 bytes a token and layer.
    assert memory.layer_activations(TINY) == 160 + 80 + 16 + 128
    held = setup(TINY, tokens=10)
    # Three inputs of 16 bytes, one layer in full, the gradients of its MLP 6·16.
    assert memory.activations(held) == 10 * (3 * 16 + 384 + 96)
    assert memory.activations(replace(held, activation_offload=True)) == 10 * (384 + 96)
    assert memory.activations(replace(held, checkpointing=False)) == 10 * (3 * 384 + 96)


def test_buffers_by_hand() -> None:
    # A layer: q k v o 2·8·(8 + 4), biases 16, MLP 3·8·16, norms 16. The output layer: 800.
    assert TINY.layer_parameters == 608
    assert memory.buffers(setup(TINY)) == 2 * (2 * 608 + 800) + 2 * 800 + 6 * 608
    assert memory.buffers(setup(TINY, fused=True)) == 2 * (2 * 608 + 800) + 4 * 800 + 6 * 608


def test_offloading_moves_twelve_of_sixteen_bytes_while_vllm_answers() -> None:
    held = setup(QWEN["7b"])
    assert memory.resident(held) == pytest.approx(12 / 8 * QWEN["7b"].parameters, rel=1e-6)
    assert memory.resident(replace(held, param_offload=True, optimizer_offload=True)) == 0
    offloaded = replace(held, param_offload=True, optimizer_offload=True)
    assert memory.host_bytes(offloaded) == pytest.approx(12 * QWEN["7b"].parameters, rel=1e-6)
    assert memory.update(offloaded).total == memory.update(held).total


def test_key_value_heads_are_repeated_and_not_split_below_one() -> None:
    assert memory.kv_bytes_per_token(QWEN["1.5b"], 2) == memory.kv_bytes_per_token(QWEN["1.5b"], 4) == 14 * 1024


def test_what_vllm_takes_is_its_share_of_the_gpu() -> None:
    parts = memory.rollout(setup(QWEN["7b"], utilisation=0.7)).parts
    assert parts["vLLM weights"] + parts["vLLM working"] + parts["KV cache"] == int(0.7 * 79 * GIB)


@pytest.mark.parametrize(
    "recipe",
    [
        # DeepScaleR, 8 A100, 8K; then 32 of them, 24K.
        setup(QWEN["1.5b"], tokens=32768, longest=9216, utilisation=0.85, chunked_entropy=True),
        setup(QWEN["1.5b"], nodes=4, shard=32, tokens=32768, longest=25600, utilisation=0.85, chunked_entropy=True),
        # CE-GPPO, 128 GPUs, 4K + 16K.
        setup(
            QWEN["7b"],
            **{"nodes": 16, "shard": 128, "tokens": 5120, "longest": 20480, "ulysses": 4, "tensor_parallel": 2},
            **{"utilisation": 0.8, "param_offload": True, "optimizer_offload": True},
        ),
        # verl's DAPO, 64 GPUs, 2K + 8K.
        setup(
            QWEN["7b"],
            **{"nodes": 8, "shard": 64, "tokens": 20480, "longest": 10240, "ulysses": 4, "tensor_parallel": 4},
            **{"utilisation": 0.8, "param_offload": True, "optimizer_offload": True},
        ),
    ],
)
def test_public_recipes_that_run_are_said_to_fit(recipe: Setup) -> None:
    assert memory.overflows(recipe) == []


def test_what_cannot_run_is_said_not_to_fit() -> None:
    one_gpu = setup(QWEN["7b"], gpus_per_node=1, shard=1)
    assert any("actor update needs" in sentence for sentence in memory.overflows(one_gpu))
    no_cache = setup(QWEN["14b"], utilisation=0.4)
    assert any("KV cache" in sentence for sentence in memory.overflows(no_cache))
    assert memory.overflows(replace(one_gpu, gpu_bytes=None)) == []


setups = st.builds(
    setup,
    st.sampled_from(list(QWEN.values())),
    gpu_bytes=st.sampled_from([24, 40, 79, 139]).map(lambda gib: gib * GIB),
    tokens=st.integers(1, 64).map(lambda kilo: 1024 * kilo),
    longest=st.integers(1, 32).map(lambda kilo: 1024 * kilo),
    utilisation=st.sampled_from([0.2, 0.5, 0.8, 0.95]),
    fused=st.booleans(),
    checkpointing=st.booleans(),
    param_offload=st.booleans(),
    optimizer_offload=st.booleans(),
    tensor_parallel=st.sampled_from([1, 2, 4]),
    micro_batch=st.sampled_from([None, 1, 6, 16]),
    strategy=st.sampled_from(["fsdp", "fsdp2"]),
    fixed=st.sampled_from([(), ("fused",), ("ulysses", "tensor_parallel")]),
).map(lambda held: apply(held, {}))


@given(setups)
def test_what_is_recommended_fits(held: Setup) -> None:
    overrides = remedy(held)
    if overrides is None:
        assert excess(held) > 0
        return
    fields = {key: field for field, key in KEYS.items()} | {held.ulysses_key: "ulysses"}
    change = {fields[key]: yaml.safe_load(text) for key, text in (override.split("=") for override in overrides)}
    followed = apply(held, change)
    assert memory.overflows(followed) == []
    assert followed.strategy == "fsdp2" or not followed.offload_policy
    assert not set(change) & {*held.fixed, "tokens" if held.micro_batch else "micro_batch"}
    assert followed.even or not held.even
    if change:
        assert memory.overflows(held) != []


@given(setups, st.integers(1, 4096))
def test_more_tokens_never_take_less(held: Setup, more: int) -> None:
    larger = replace(held, tokens=held.tokens + more)
    assert memory.update(larger).total >= memory.update(held).total
