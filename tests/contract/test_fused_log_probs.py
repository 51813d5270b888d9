"""configs/reasoning.yaml trains with verl's fused log-probs: they and their gradients are those of full logits."""

import torch
from verl.utils.experimental.torch_functional import FusedLinearForPPO
from verl.utils.torch_functional import entropy_from_logits, logprobs_from_logits


def test_fused_log_probs_and_gradients_are_those_of_full_logits() -> None:
    generator = torch.Generator().manual_seed(0)
    tokens, hidden, vocabulary, temperature = 1300, 16, 50, 0.7  # 1300 tokens: two whole pieces of 512, and a part
    states = torch.randn(1, tokens, hidden, generator=generator)
    weights = torch.randn(vocabulary, hidden, generator=generator)
    labels = torch.randint(vocabulary, (1, tokens), generator=generator)
    pull = torch.randn(1, tokens, generator=generator)

    results = []
    for fused in (True, False):
        x, w = states.clone().requires_grad_(), weights.clone().requires_grad_()
        if fused:
            log_probs, entropy = FusedLinearForPPO()(x, w, labels, temperature=temperature)
        else:
            logits = x @ w.T / temperature
            log_probs, entropy = logprobs_from_logits(logits, labels), entropy_from_logits(logits)
        # As in training with entropy_coeff=0: the entropy is looked at, and has no gradient.
        (log_probs * pull).sum().backward()
        results.append((log_probs.detach(), entropy.detach(), x.grad, w.grad))
    for name, one, other in zip(("log-probs", "entropy", "states", "weights"), *results, strict=True):
        assert one is not None and other is not None
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4, msg=lambda text, name=name: f"{name}: {text}")
