"""PALU's loss: what it flattens and keeps, whom its gradient reaches, and what it refuses."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dgpo.unlearning.palu import NONE, ORDINARY, PREFIX, REST, palu_terms, token_classes

CLASSES = torch.tensor([[NONE, PREFIX, REST, ORDINARY, PREFIX], [NONE, NONE, ORDINARY, ORDINARY, NONE]])


def batch(seed: int = 0, vocabulary: int = 9) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shape = (*CLASSES.shape, vocabulary)
    return tuple(torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))  # pyright: ignore[reportReturnType]


def test_the_k_likeliest_of_the_model_before_are_drawn_to_their_mean() -> None:
    logits = torch.tensor([[[1.0, 5.0, 3.0, -9.0]]])
    before = torch.tensor([[[0.0, 2.0, 1.0, -1.0]]])
    one = torch.tensor([[PREFIX]])
    # Of 5 and 3, about 4; of 5, 3 and 1, about 3; about the mean of all four, 0; about before's second, 1; about 2.
    for top_k, target, expected in (
        (2, "local_mean", 1.0),
        (3, "local_mean", 8 / 3),
        (2, "global_mean", (25 + 9) / 2),
        (2, "ref_min", (16 + 4) / 2),
        (2, 2.0, (9 + 1) / 2),
        (1, "local_mean", 0.0),
    ):
        flatten, preserve = palu_terms(logits, before, one, top_k=top_k, target=target)  # pyright: ignore[reportArgumentType]
        assert flatten.item() == pytest.approx(expected) and preserve.item() == 0


@pytest.mark.parametrize("direction", ["ref||theta", "theta||ref"])
def test_ordinary_tokens_keep_their_distribution(direction: Any) -> None:
    logits, before = batch()
    same = before.clone().requires_grad_()
    preserve = palu_terms(same, before, CLASSES, top_k=3, kl_direction=direction)[1]
    assert preserve.item() == pytest.approx(0, abs=1e-12)
    left, right = (before, logits) if direction == "ref||theta" else (logits, before)
    rows = CLASSES == ORDINARY
    expected = torch.distributions.kl_divergence(
        torch.distributions.Categorical(logits=left[rows]), torch.distributions.Categorical(logits=right[rows])
    )
    found = palu_terms(logits, before, CLASSES, top_k=3, kl_direction=direction)[1]
    assert found.item() == pytest.approx(expected.mean().item())


@pytest.mark.parametrize("target", ["local_mean", "global_mean", "global_mean_detached", "ref_min", 0.5])
def test_gradients_are_those_of_finite_differences_and_reach_only_what_they_should(target: Any) -> None:
    logits, before = batch()
    logits.requires_grad_()

    def loss(logits: torch.Tensor) -> torch.Tensor:
        flatten, preserve = palu_terms(logits, before, CLASSES, top_k=3, target=target)
        return flatten + 0.7 * preserve

    if target != "global_mean_detached":
        assert torch.autograd.gradcheck(loss, logits)
    loss(logits).backward()
    reached = logits.grad != 0
    assert not reached[(CLASSES == NONE) | (CLASSES == REST)].any() and reached[CLASSES == ORDINARY].all()
    if target != "global_mean":
        assert (reached[CLASSES == PREFIX].sum(-1) == 3).all()


def test_the_mean_is_over_tokens_whatever_rows_they_are_in() -> None:
    logits, before = batch()
    whole = palu_terms(logits, before, CLASSES, top_k=3)
    flat = (1, -1, logits.shape[-1])
    packed = palu_terms(logits.reshape(flat), before.reshape(flat), CLASSES.reshape(1, -1), top_k=3)
    assert torch.allclose(torch.stack(whole), torch.stack(packed))
    # By rows, weighted with their tokens of each class.
    rows = zip(logits, before, CLASSES, strict=True)
    parts = [palu_terms(now[None], then[None], classes[None], top_k=3) for now, then, classes in rows]
    for term, kind in enumerate((PREFIX, ORDINARY)):
        counts = torch.eq(CLASSES, kind).sum(1)
        weighted = sum(count * part[term] for count, part in zip(counts, parts, strict=True)) / counts.sum()
        assert torch.allclose(torch.as_tensor(weighted), whole[term])


def test_logits_in_half_precision_are_summed_in_full() -> None:
    logits, before = (values.to(torch.bfloat16) for values in batch())
    half = palu_terms(logits, before, CLASSES, top_k=3)
    full = palu_terms(logits.double(), before.double(), CLASSES, top_k=3)
    assert half[0].dtype == torch.float32
    assert torch.allclose(torch.stack(half).double(), torch.stack(full), atol=1e-6)


def test_nothing_to_forget_is_zero_with_a_gradient_of_zero() -> None:
    logits, before = batch()
    logits.requires_grad_()
    flatten, preserve = palu_terms(logits, before, torch.zeros_like(CLASSES), top_k=3)
    (flatten + preserve).backward()
    assert flatten == preserve == 0 and not logits.grad.any()  # pyright: ignore[reportOptionalMemberAccess]


@given(st.lists(st.integers(-1, 3), min_size=1, max_size=12), st.integers(1, 4))
def test_the_first_n_tokens_of_each_span_are_its_prefix(spans: list[int], first_n: int) -> None:
    # The question's token belongs to no answer.
    answer = torch.tensor([[0.0] + [1.0] * len(spans)])
    found = token_classes(torch.tensor([[-1, *spans]]), answer, first_n)[0].tolist()
    expected, run = [NONE], 0
    for span, before in zip(spans, [-1, *spans], strict=False):
        run = run + 1 if span == before else 1
        expected.append(ORDINARY if span < 0 else PREFIX if run <= first_n else REST)
    assert found == expected
    assert REST not in token_classes(torch.tensor([[-1, *spans]]), answer, None)


def test_what_cannot_be_meant_is_refused() -> None:
    logits, before = batch()
    for match, change in (
        ("top_k=10", {"top_k": 10}),
        ("top_k=0", {"top_k": 0}),
        ("target=mean", {"target": "mean"}),
        ("kl_direction=both", {"kl_direction": "both"}),
    ):
        with pytest.raises(ValueError, match=match):
            palu_terms(logits, before, CLASSES, **{"top_k": 3, **change})
    with pytest.raises(ValueError, match="token_class"):
        palu_terms(logits, before, CLASSES - 1, top_k=3)
    with pytest.raises(ValueError, match="one vocabulary"):
        palu_terms(logits, before[..., :-1], CLASSES, top_k=3)
    with pytest.raises(ValueError, match="first_n=0"):
        token_classes(CLASSES, CLASSES, 0)
