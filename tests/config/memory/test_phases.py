"""The formulas against figures worked out by hand, and against public recipes that are known to run."""

from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dgpo.config.memory import phases as memory
from dgpo.config.memory.host import host_bytes
from dgpo.config.memory.lora import Lora
from dgpo.config.memory.remedies import excess, remedy
from dgpo.config.memory.setup import GIB, KEYS, MicroBatch, Setup
from dgpo.config.memory.shape import KNOWN, ModelShape

QWEN = {name.rpartition("-")[2]: shape for name, shape in KNOWN.items()}
TINY = ModelShape(
    hidden=8, layers=3, heads=2, kv_heads=1, head_dim=4, intermediate=16, vocabulary=100, positions=64, tied=False
)


def setup(shape: ModelShape, tokens: int = 16384, **changes: object) -> Setup:
    gpus: dict[str, object] = {
        "nodes": 1,
        "gpus_per_node": 8,
        "gpu_bytes": 79 * GIB,
        "longest": 16384,
        "update_samples": 512,
    }
    gpus |= {"response": 15360, "samples": 8192, "rollout_gpus": 8}
    gpus["micro_batch"] = MicroBatch(tokens)
    return Setup(shape=shape, **{**gpus, **changes})  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("size", "gib"), [("1.5b", 3.3), ("7b", 14.2), ("14b", 27.5)])
def test_the_training_state_is_sixteen_bytes_a_parameter(size: str, gib: float) -> None:
    assert sum(memory.state(setup(QWEN[size])).values()) / GIB == pytest.approx(gib, abs=0.05)


def test_logits_are_two_bytes_unless_the_entropy_is_differentiated() -> None:
    held, size = setup(QWEN["1.5b"], tokens=10_000), 10_000 * 151936
    assert memory.update_logits(held) == 2 * size
    entropy = replace(held, update_entropy=True)
    assert memory.update_logits(entropy) == (2 + 28) * size
    assert memory.update_logits(replace(entropy, chunked_entropy=True)) == (2 + 12) * size
    assert memory.log_prob_logits(held) == (2 + 12) * size
    assert memory.log_prob_logits(replace(held, chunked_entropy=True)) == 2 * size + 12 * 2048 * 151936
    fused = replace(held, fused=True)
    assert memory.update_logits(fused) == memory.log_prob_logits(fused) == 512 * 151936 * 22


def test_activations_by_hand() -> None:
    # Norms 2·8·8, q k v and output 2·(3·8 + 4·4), residual 2·8, MLP 8·16: 352 bytes a token and layer.
    assert memory.layer_activations(TINY) == 128 + 80 + 16 + 128
    held = setup(TINY, tokens=10)
    # Three inputs of 16 bytes; one layer in full, and of the gradients of its MLP 4·16.
    assert (memory.stored(held), memory.working(held)) == (10 * 3 * 16, 10 * (352 + 64))
    assert memory.stored(replace(held, activation_offload=True)) == 0
    whole = replace(held, checkpointing=False)
    assert (memory.stored(whole), memory.working(whole)) == (10 * 3 * 352, 10 * 64)


def test_gathered_weights_and_gradients_by_hand() -> None:
    # A layer: q k v o 2·8·(8 + 4), biases 16, MLP 3·8·16, norms 16. The output layer: 800.
    assert TINY.layer_parameters == 608
    held = setup(TINY)
    assert memory.output_buffers(held) == 2 * (800 + 800 + 608)
    assert memory.layer_buffers(held) == 2 * 2 * 608 + max(6 * 608, 4 * 800)
    tied = replace(held, shape=replace(TINY, tied=True))
    assert memory.output_buffers(replace(tied, fused=True)) == 2 * (800 + 2 * 800 + 608)
    assert memory.layer_buffers(tied) == 2 * 2 * (608 + 800) + 6 * 608


def test_lora_by_hand() -> None:
    # Rank 2, of every layer: q o 2·16, k v 2·12, MLP 3·24, twice that in all.
    held = setup(TINY, lora=Lora(2), gpus_per_node=1)
    adapter = 2 * 3 * (2 * 16 + 2 * 12 + 3 * 24)
    assert held.adapter == held.trained == adapter
    parts = memory.state(held)
    assert parts == {"weights": 4 * (TINY.parameters + adapter), "gradients": 4 * adapter, "optimiser": 8 * adapter}
    layer = 608 + adapter // 3
    assert memory.output_buffers(held) == 2 * (800 + layer)
    assert memory.layer_buffers(held) == 2 * 2 * layer + 6 * adapter // 3
    queries = replace(held, lora=Lora(2, ("q_proj",), ("layers.0.self_attn.q_proj",)))
    assert queries.adapter == 2 * 2 * 16


def test_a_7b_fits_one_gpu_of_80_gb_by_lora() -> None:
    whole = setup(QWEN["7b"], gpus_per_node=1, rollout_gpus=1, param_offload=True, optimizer_offload=True)
    assert memory.overflows(whole) and not memory.overflows(replace(whole, lora=Lora(32)))
    # vLLM's weights wait on the CPU beside the trainer's where the adapter is not merged into them.
    held, merged = (host_bytes(replace(whole, lora=Lora(32, merged=each))) for each in (False, True))
    assert (held - merged) / GIB == pytest.approx(14.3, abs=0.1)


def test_offloading_moves_twelve_of_sixteen_bytes_while_vllm_answers() -> None:
    held = setup(QWEN["7b"])
    assert memory.resident(held) == pytest.approx(12 / 8 * QWEN["7b"].parameters, rel=1e-6)
    assert memory.resident(replace(held, param_offload=True, optimizer_offload=True)) == 0
    offloaded = replace(held, param_offload=True, optimizer_offload=True)
    assert memory.totals(offloaded)["update, head"] == memory.totals(held)["update, head"]


def test_key_value_heads_are_repeated_and_not_split_below_one() -> None:
    assert memory.kv_bytes_per_token(QWEN["1.5b"], 2) == memory.kv_bytes_per_token(QWEN["1.5b"], 4) == 14 * 1024


def test_what_vllm_takes_is_its_share_of_the_gpu() -> None:
    parts = memory.phases(setup(QWEN["7b"], utilisation=0.7))["rollout"]
    assert parts["vLLM weights"] + parts["vLLM working"] + parts["KV cache"] == int(0.7 * 79 * GIB)


def test_the_kl_term_s_second_model_waits_on_the_cpu() -> None:
    held = setup(TINY, gpus_per_node=1, reference_batch=MicroBatch(10))
    found = memory.phases(held)
    assert found["reference log-probs"]["logits"] == 10 * 2 * 100
    assert found["reference log-probs"]["weights"] == found["log-probs"]["weights"] == 4 * TINY.parameters
    assert memory.phases(replace(held, param_offload=True))["reference log-probs"]["weights"] == 0
    # In page-locked blocks, a parameter each.
    assert host_bytes(held) == host_bytes(replace(held, reference_batch=None, param_offload=True)) > 0
    assert memory.overflows(replace(held, gpu_bytes=6 * GIB, reference_batch=MicroBatch(2**25)))[0].startswith(
        "reference"
    )


@pytest.mark.parametrize(
    "recipe",
    [
        # DeepScaleR, 8 A100, 8K; then 32 of them, 24K.
        setup(QWEN["1.5b"], tokens=32768, longest=9216, utilisation=0.85, chunked_entropy=True),
        setup(QWEN["1.5b"], nodes=4, tokens=32768, longest=25600, utilisation=0.85, chunked_entropy=True),
        # CE-GPPO, 128 GPUs, 4K + 16K.
        setup(
            QWEN["7b"],
            **{"nodes": 16, "tokens": 5120, "longest": 20480, "ulysses": 4, "tensor_parallel": 2},
            **{"utilisation": 0.8, "param_offload": True, "optimizer_offload": True},
        ),
        # verl's DAPO, 64 GPUs, 2K + 8K.
        setup(
            QWEN["7b"],
            **{"nodes": 8, "tokens": 20480, "longest": 10240, "ulysses": 4, "tensor_parallel": 4},
            **{"utilisation": 0.8, "param_offload": True, "optimizer_offload": True},
        ),
    ],
)
def test_public_recipes_that_run_are_said_to_fit(recipe: Setup) -> None:
    assert memory.overflows(recipe) == []


def test_what_cannot_run_is_said_not_to_fit() -> None:
    one_gpu = setup(QWEN["7b"], gpus_per_node=1)
    assert any("update, head needs" in sentence for sentence in memory.overflows(one_gpu))
    no_cache = setup(QWEN["14b"], utilisation=0.4)
    assert any("KV cache" in sentence for sentence in memory.overflows(no_cache))
    assert memory.overflows(replace(one_gpu, gpu_bytes=None)) == []


def micro_batches(key: str) -> st.SearchStrategy[MicroBatch]:
    tokens = st.integers(1, 64).map(lambda kilo: MicroBatch(1024 * kilo, True, f"{key}_tokens"))
    return tokens | st.sampled_from([1, 6, 16]).map(lambda samples: MicroBatch(samples, False, f"{key}_samples"))


BATCHES = ("micro_batch", "log_prob_batch", "reference_batch")
setups = st.builds(
    Setup,
    shape=st.sampled_from([*QWEN.values(), replace(QWEN["1.5b"], tied=True)]),
    nodes=st.just(1),
    gpus_per_node=st.just(8),
    response=st.just(1024),
    update_samples=st.just(512),
    samples=st.just(8192),
    rollout_gpus=st.just(8),
    gpu_bytes=st.sampled_from([24, 40, 79, 139]).map(lambda gib: gib * GIB),
    micro_batch=micro_batches("update"),
    log_prob_batch=st.none() | micro_batches("log_prob"),
    reference_batch=st.none() | micro_batches("reference"),
    longest=st.integers(1, 32).map(lambda kilo: 1024 * kilo),
    utilisation=st.sampled_from([0.2, 0.5, 0.8, 0.95]),
    fused=st.booleans(),
    update_entropy=st.booleans(),
    chunked_entropy=st.booleans(),
    checkpointing=st.booleans(),
    param_offload=st.booleans(),
    optimizer_offload=st.booleans(),
    tensor_parallel=st.sampled_from([1, 2, 4]),
    strategy=st.sampled_from(["fsdp", "fsdp2"]),
    lora=st.sampled_from([None, Lora(32), Lora(8, ("q_proj",), merged=True)]),
    fixed=st.sampled_from([(), ("fused",), ("ulysses", "tensor_parallel")]),
)


@given(setups)
def test_what_is_recommended_fits(held: Setup) -> None:
    overrides = remedy(held)
    if overrides is None:
        assert excess(held) > 0
        return
    batches = {batch.key: field for field in BATCHES if (batch := getattr(held, field))}
    fields = {key: field for field, key in KEYS.items()} | {held.ulysses_key: "ulysses"} | batches
    change = {fields[key]: yaml.safe_load(text) for key, text in (override.split("=") for override in overrides)}
    for field in set(change).intersection(batches.values()):
        change[field] = replace(getattr(held, field), size=change[field])
    followed = replace(held, **change)
    assert memory.overflows(followed) == []
    assert followed.strategy == "fsdp2" or not followed.offload_policy
    assert held.broken or not set(change) & set(held.fixed)
    assert followed.even or not held.even
    assert not followed.broken
    if change:
        assert memory.overflows(held) != [] or held.broken


@given(setups, st.integers(1, 4096))
def test_more_tokens_never_take_less(held: Setup, more: int) -> None:
    larger = replace(held, micro_batch=replace(held.micro_batch, size=held.micro_batch.size + more))
    less = memory.totals(held)
    assert all(size >= less[name] for name, size in memory.totals(larger).items())
