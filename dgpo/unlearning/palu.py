"""PALU's loss: flat logits on the first tokens of sensitive spans, the old distribution on ordinary ones.

Prefix-Aware Localized Unlearning, arXiv 2601.03190.
"""

from typing import Literal, get_args

import torch
from torch import Tensor

NONE, PREFIX, REST, ORDINARY = range(4)
"""Classes of a token: outside the answer; among the first N of a sensitive span; later in a span; anything else."""

NamedTarget = Literal["local_mean", "global_mean", "global_mean_detached", "ref_min"]
Target = NamedTarget | float
Direction = Literal["ref||theta", "theta||ref"]


def token_classes(span: Tensor, answer_mask: Tensor, first_n: int | None = 3) -> Tensor:
    """Class of each token from the span that it belongs to.

    Args:
        span: `(B, T)`, number of the token's sensitive span from 0, and -1 outside of all.
        answer_mask: `(B, T)`, nonzero on tokens of the answer.
        first_n: N, how many tokens of each span are `PREFIX`; None for all of them.

    Returns:
        `(B, T)` int64 of `NONE`, `PREFIX`, `REST`, `ORDINARY`.

    Raises:
        ValueError: ``first_n`` is less than 1.
    """
    if first_n is not None and first_n < 1:
        raise ValueError(f"first_n={first_n}: the first N tokens of a span are at least 1; None takes all")
    sensitive = (span >= 0) & (answer_mask != 0)
    position = torch.arange(span.shape[1], device=span.device).expand_as(span)
    before = torch.cat([torch.full_like(span[:, :1], -1), span[:, :-1]], dim=1)
    starts = torch.where(span != before, position, 0).cummax(dim=1).values
    prefix = sensitive if first_n is None else sensitive & (position - starts < first_n)
    classes = torch.where(answer_mask != 0, ORDINARY, NONE)
    return torch.where(sensitive, torch.where(prefix, PREFIX, REST), classes)


def palu_terms(
    logits: Tensor,
    ref_logits: Tensor,
    token_class: Tensor,
    *,
    top_k: int = 50,
    target: Target = "local_mean",
    kl_direction: Direction = "ref||theta",
) -> tuple[Tensor, Tensor]:
    """The two terms that PALU has on a forget row, z the logits and f those of the frozen model before.

        flatten  = mean over PREFIX tokens of 1/K Σ_{i∈T_t} (z_ti - c_t)²,   T_t the K largest of f_t
        preserve = mean over ORDINARY tokens of KL(p_f ‖ p_θ) over the whole vocabulary

    The loss is flatten + λ·preserve + λ·CE(retain). Other tokens have no gradient, and other logits than the K have
    none from `flatten` unless c is a mean over all.

    Args:
        logits: `(B, T, V)`, those that predict the token of the same position in ``token_class``.
        ref_logits: `(B, T, V)`; no gradient reaches them.
        token_class: `(B, T)`, see `token_classes`.
        top_k: K, from 1 to V.
        target: c. ``local_mean``, the mean of the K (the paper; it needs no gradient of its own, since the deviations
            sum to zero); ``global_mean``, the mean of all logits (the authors' code), or detached from the graph;
            ``ref_min``, the smallest of f's K largest; a number.
        kl_direction: ``ref||theta`` is KL(p_f ‖ p_θ), ``theta||ref`` KL(p_θ ‖ p_f) (the authors' code).

    Returns:
        (flatten, preserve), float32 or wider, each zero where no token has its class.

    Raises:
        ValueError: shapes that do not match, K outside 1 to V, an unknown target, direction or class.
    """
    check(logits, ref_logits, token_class, top_k, target, kl_direction)
    prefix, ordinary = token_class == PREFIX, token_class == ORDINARY
    flatten = flatness(widened(logits[prefix]), widened(ref_logits[prefix]).detach(), top_k, target)
    preserve = divergence(widened(logits[ordinary]), widened(ref_logits[ordinary]).detach(), kl_direction)
    return flatten.sum() / max(len(flatten), 1), preserve.sum() / max(len(preserve), 1)


def flatness(logits: Tensor, ref_logits: Tensor, top_k: int, target: Target) -> Tensor:
    """1/K Σ (z_i - c)² of each row, `(N, V)` to `(N,)`."""
    largest = ref_logits.topk(top_k, dim=-1)
    candidates = logits.gather(-1, largest.indices)
    if target == "local_mean":
        centre = candidates.mean(-1, keepdim=True)
    elif target == "ref_min":
        centre = largest.values[:, -1:]
    elif isinstance(target, str):
        centre = logits.mean(-1, keepdim=True)
        centre = centre.detach() if target == "global_mean_detached" else centre
    else:
        centre = torch.full_like(candidates[:, :1], target)
    return (candidates - centre).square().mean(-1)


def divergence(logits: Tensor, ref_logits: Tensor, kl_direction: Direction) -> Tensor:
    """KL divergence of each row's distributions in nats, `(N, V)` to `(N,)`."""
    theta, ref = logits.log_softmax(-1), ref_logits.log_softmax(-1)
    left, right = (ref, theta) if kl_direction == "ref||theta" else (theta, ref)
    return (left.exp() * (left - right)).sum(-1)


def widened(logits: Tensor) -> Tensor:
    """At least float32, in which the sums over the vocabulary are taken."""
    return logits if logits.dtype == torch.float64 else logits.float()


def check(
    logits: Tensor, ref_logits: Tensor, token_class: Tensor, top_k: int, target: Target, kl_direction: Direction
) -> None:
    if logits.shape != ref_logits.shape or logits.shape[:-1] != token_class.shape:
        raise ValueError(
            f"logits {tuple(logits.shape)}, ref_logits {tuple(ref_logits.shape)}, token_class "
            f"{tuple(token_class.shape)}: expected (B, T, V) twice, of one vocabulary, and (B, T)"
        )
    if not 1 <= top_k <= logits.shape[-1]:
        raise ValueError(f"top_k={top_k}: expected 1 to the vocabulary's {logits.shape[-1]}")
    check_choices(target, kl_direction)
    if token_class.numel() and not NONE <= int(token_class.min()) <= int(token_class.max()) <= ORDINARY:
        raise ValueError(f"token_class: expected {NONE} to {ORDINARY}, not {token_class.unique().tolist()}")


def check_choices(target: Target, kl_direction: Direction) -> None:
    targets, directions = get_args(NamedTarget), get_args(Direction)
    if isinstance(target, str) and target not in targets:
        raise ValueError(f"target={target}: expected one of {', '.join(targets)}, or a number")
    if kl_direction not in directions:
        raise ValueError(f"kl_direction={kl_direction}: expected one of {', '.join(directions)}")
