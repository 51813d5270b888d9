"""Aggregation: equal to verl's `agg_loss`, and blind to padding, order, micro-batches and ranks."""

import pytest
import torch
from verl.trainer.ppo.core_algos import agg_loss

from dgpo.losses import METHODS
from dgpo.losses.surrogate import MODES, sequence_weights
from tests.losses.conftest import loss_and_gradient

INFO = [
    {},
    {"dp_size": 4, "batch_num_tokens": 700, "global_batch_size": 24},
    {"dp_size": 2, "batch_num_tokens": 300, "global_batch_size": 12, "loss_scale_factor": 64},
    {"loss_scale_factor": 10},
    {"loss_scale_factor": 0.5},
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("info", INFO)
@pytest.mark.parametrize("rows", [1, 6])
def test_weights_are_those_of_verls_agg_loss(mode, info, rows, make_batch):
    mask = make_batch(rows=6).response_mask[:rows]
    mask[0, 1:] = False
    mask[2:3] = False
    matrix = torch.randn(mask.shape, requires_grad=True)
    expected = agg_loss(matrix, mask, mode, **info)
    (gradient,) = torch.autograd.grad(expected, matrix)
    weights = sequence_weights(mask, mode, **info)
    torch.testing.assert_close((matrix.detach() * mask * weights).sum(), expected.detach())
    torch.testing.assert_close(weights * mask, gradient)


@pytest.mark.parametrize("mode", ["token-mean", "seq-mean-token-sum", "seq-mean-token-mean"])
def test_several_ranks_need_the_global_count(mode, make_batch):
    with pytest.raises(ValueError, match=r"=None with dp_size=2; pass the count"):
        sequence_weights(make_batch().response_mask, mode, dp_size=2)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", METHODS)
def test_padding_and_order_do_not_matter(name, mode, make_batch):
    batch = make_batch()
    info = {"loss_scale_factor": 40} if mode.endswith("norm") else {}
    expected, expected_gradient = loss_and_gradient(name, batch, loss_agg_mode=mode, **info)

    padded = type(batch)(*(torch.nn.functional.pad(t.detach(), (0, 9)) for t in batch))
    padded.log_prob.requires_grad_()
    loss, gradient = loss_and_gradient(name, padded, loss_agg_mode=mode, **info)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(gradient[:, :40], expected_gradient)

    order = torch.randperm(6, generator=torch.Generator().manual_seed(1))
    loss, gradient = loss_and_gradient(name, batch.rows(order), loss_agg_mode=mode, **info)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(gradient, expected_gradient[order])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sizes", [[[1] * 8], [[3, 5]], [[1, 3], [2, 2]], [[2], [2], [2], [2]]])
@pytest.mark.parametrize("name", ["dgpo", "maspo"])
def test_micro_batches_and_ranks_do_not_matter(name, mode, sizes, make_batch):
    """`sizes` has the micro-batches of each rank; gradients add up over micro-batches and average over ranks."""
    batch = make_batch(rows=8)
    whole = {"batch_num_tokens": int(batch.response_mask.sum()), "global_batch_size": 8, "loss_scale_factor": 40}
    _, expected = loss_and_gradient(name, batch, loss_agg_mode=mode, **whole)

    pieces, start, total = [], 0, 0.0
    for rank in sizes:
        for size in rank:
            piece = batch.rows(slice(start, start + size))
            loss, gradient = loss_and_gradient(name, piece, loss_agg_mode=mode, dp_size=len(sizes), **whole)
            pieces.append(gradient / len(sizes))
            total, start = total + loss / len(sizes), start + size
    torch.testing.assert_close(torch.cat(pieces), expected)

    # Where the value is -A·F, it equals the gradient: verl's own aggregation of it is the loss of the whole.
    _, per_token = loss_and_gradient(name, batch, loss_agg_mode="token-sum")
    torch.testing.assert_close(torch.as_tensor(total), agg_loss(per_token, batch.response_mask, mode, **whole))
