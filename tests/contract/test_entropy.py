"""configs/reasoning.yaml computes the entropy of the old-log-prob pass by pieces: it is that of all logits at once."""

import torch
from verl.utils.torch_functional import entropy_from_logits, entropy_from_logits_with_chunking

from dgpo.config.compose import compose_config


def test_the_entropy_by_pieces_is_that_of_all_logits() -> None:
    piece = compose_config("dgpo_7b").actor_rollout_ref.actor.fsdp_config.entropy_from_logits_chunk_size
    generator = torch.Generator().manual_seed(0)
    logits = 4 * torch.randn(2 * piece + 100, 50, generator=generator)  # two whole pieces, and a part
    torch.testing.assert_close(entropy_from_logits_with_chunking(logits, piece), entropy_from_logits(logits))
