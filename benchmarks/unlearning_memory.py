"""Peak memory of PALU's loss, forward and backward, in logits tensors of all tokens: whole, and in chunks.

    .venv/bin/python -m benchmarks.unlearning_memory

Counts what torch's CPU allocator hands out, at (8, 512) tokens of a vocabulary of 8,192 in float32: the number of
tensors does not depend on the vocabulary. A forget row has 16 tokens of spans and 112 others, as many are retain rows.
"""

from collections.abc import Callable

import torch

from benchmarks.common import peak_bytes
from dgpo.tables import Table
from dgpo.unlearning.losses import METHODS, RETAIN, Counts, Tokens, total, values_of
from dgpo.unlearning.palu import ORDINARY, PREFIX, palu_terms

BATCH, TIME, HIDDEN, VOCABULARY = 8, 512, 32, 8192


def measure() -> dict[str, float]:
    """Peaks by form, in logits tensors `(8, 512, V)` of float32."""
    generator = torch.Generator().manual_seed(0)
    hidden, ref_hidden = (torch.randn(BATCH * TIME, HIDDEN, generator=generator) for _ in range(2))
    head, ref_head = (torch.randn(VOCABULARY, HIDDEN, generator=generator) for _ in range(2))
    labels = torch.randint(VOCABULARY, (BATCH * TIME,), generator=generator)
    kinds = torch.full((BATCH, TIME), ORDINARY)
    kinds[:, 100:116] = PREFIX
    kinds[BATCH // 2 :] = RETAIN
    kinds = kinds.flatten()
    method = METHODS["palu"]()
    counts = Counts({kind: int((kinds == kind).sum()) for kind in (PREFIX, ORDINARY, RETAIN)}, BATCH // 2)
    answers = torch.arange(BATCH).repeat_interleave(TIME)

    def inputs() -> tuple[torch.Tensor, torch.Tensor]:
        return hidden.clone().requires_grad_(), head.clone().requires_grad_()

    def whole() -> None:
        states, weights = inputs()
        logits, before = states @ weights.T, ref_hidden @ ref_head.T
        of_forget = torch.where(kinds == RETAIN, 0, kinds)
        flatten, preserve = palu_terms(logits[None], before[None], of_forget[None])
        kept = torch.nn.functional.cross_entropy(logits[kinds == RETAIN], labels[kinds == RETAIN])
        (flatten + preserve + kept).backward()

    def chunked(size: int) -> Callable[[], None]:
        def work() -> None:
            states, weights = inputs()
            of_forget = ref_hidden[kinds != RETAIN]
            values = values_of(method, states, lambda h: h @ weights.T, labels, kinds, of_forget, ref_head, size)
            total(method, values, Tokens(kinds, answers, counts))[0].backward()

        return work

    one = BATCH * TIME * VOCABULARY * 4
    forms = {"whole": whole, "chunks of 1,024 tokens": chunked(1024), "chunks of 256 tokens": chunked(256)}
    return {name: peak_bytes(work) / one for name, work in forms.items()}


if __name__ == "__main__":
    rows = [(name, f"{peak:.2f}", f"{peak * BATCH * TIME * 151_936 * 4 / 1e9:.1f}") for name, peak in measure().items()]
    print(Table(["PALU's loss", "peak, logits tensors", "GB at V = 151,936"], rows).markdown())
