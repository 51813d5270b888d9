"""What every unlearning loss is: a value a token, and how the values become the terms of a batch's loss.

Values depend on a token's own logits alone, so that they can be computed in chunks of tokens; terms are sums over the
tokens or answers of a micro-batch, divided by the counts of the whole batch, so that micro-batches and ranks add up.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from dgpo.errors import bounded, check_fields
from dgpo.unlearning.palu import ORDINARY, PREFIX, REST, widened

RETAIN, ALTERNATIVE = 4, 5
"""Two more classes of a token: of a retain row's answer; of the answer that shall take a forgotten one's place."""
ANSWER = (PREFIX, REST, ORDINARY)
CHUNK = 256
"""Tokens. Some nine tensors of chunk × vocabulary are held at once: 1.4 GB at 152,000 words, in float32."""


@dataclass(frozen=True)
class Counts:
    """Of the whole batch, over all micro-batches and ranks: tokens of each class, and answers to be forgotten."""

    tokens: Mapping[int, int]
    answers: int

    def of(self, *classes: int) -> int:
        """Tokens of any of the classes; 1 where there are none, for a sum of zero to be divided by."""
        return max(1, sum(self.tokens.get(kind, 0) for kind in classes))


@dataclass(frozen=True)
class Tokens:
    """N tokens of a micro-batch; those of an answer stand together and in order.

    Attributes:
        token_class: `(N,)`.
        answer: `(N,)`, number of the forget row in the batch; an alternative has that of the answer it replaces, and
            is in the same micro-batch.
        counts: of the batch.
    """

    token_class: Tensor
    answer: Tensor
    counts: Counts

    def mask(self, *classes: int) -> Tensor:
        return torch.isin(self.token_class, torch.tensor(classes, device=self.token_class.device))

    def mean(self, values: Tensor, *classes: int) -> Tensor:
        """The micro-batch's share of the batch's mean over the tokens of the classes."""
        return values[self.mask(*classes)].sum() / self.counts.of(*classes)

    def sums(self, values: Tensor, *classes: int) -> Tensor:
        """Sums of the values over the tokens of the classes of each answer that is here, `(A,)`."""
        numbers, mask = self.answer[self.mask(*ANSWER)].unique(), self.mask(*classes)
        return values.new_zeros(len(numbers)).index_add(0, torch.searchsorted(numbers, self.answer[mask]), values[mask])

    def means(self, values: Tensor, *classes: int) -> Tensor:
        """The same as means; 0 for an answer without such tokens."""
        return self.sums(values, *classes) / self.sums(torch.ones_like(values), *classes).clamp(min=1)


@dataclass(frozen=True, kw_only=True)
class Method:
    """A loss and its settings: forget terms + ``retain_weight`` · CE of the retain rows' answers.

    Attributes:
        retain_weight: of the mean cross entropy over the retain rows' answer tokens; 0 takes no retain rows.
        needs_reference: whether it compares with the model before.
        needs_alternatives: whether each forget row needs an answer that shall take its place.
        needs_spans: whether it treats sensitive tokens in a way of their own.
        classes: of the forget rows' tokens that it reads.
    """

    retain_weight: float = bounded(1.0, at_least=0)
    needs_reference: ClassVar[bool] = False
    needs_alternatives: ClassVar[bool] = False
    needs_spans: ClassVar[bool] = False
    classes: ClassVar[tuple[int, ...]] = ANSWER

    def __post_init__(self) -> None:
        check_fields(self)

    def token_values(self, logits: Tensor, ref_logits: Tensor, labels: Tensor, token_class: Tensor) -> Tensor:
        """Value of each token of a forget row or an alternative, `(n, V)` twice, `(n,)` and `(n,)` to `(n,)`.

        ``ref_logits`` is empty, `(n, 0)`, where the method needs no reference. By default ℓ = -log p(y), less that of
        the model before where there is one.
        """
        before = cross_entropy(ref_logits, labels) if self.needs_reference else 0.0
        return cross_entropy(logits, labels) - before

    def terms(self, values: Tensor, tokens: Tokens) -> dict[str, Tensor]:
        """The micro-batch's share of each forget term, by name; by default the mean over answer tokens."""
        return {"forget": tokens.mean(values, *ANSWER)}

    def weights(self) -> dict[str, float]:
        """Of the terms: ``retain_weight`` is that of the term retain, and so on; 1 where there is no such setting."""
        return {name.removesuffix("_weight"): value for name, value in vars(self).items() if name.endswith("_weight")}

    @property
    def representation(self) -> int | None:
        """The layer whose output takes the place of logits; then `hidden_values` that of `token_values`."""
        return None

    def hidden_values(self, hidden: Tensor, ref_hidden: Tensor, token_class: Tensor) -> Tensor:
        """Value of each token, retain rows' too, from the layer's output there, `(n, H)` twice and `(n,)` to `(n,)`."""
        raise NotImplementedError(f"{type(self).__name__} reads logits")

    def after(self, terms: Mapping[str, float]) -> "Method":
        """The method of the next step, from the terms of a step's whole batch."""
        return self

    def adapted(self) -> dict[str, float]:
        """The settings that `after` changes, for a checkpoint to keep."""
        return {}

    def check(self, vocabulary: int, layers: int) -> None:
        """Raises ValueError for settings that do not fit a model of this vocabulary and so many layers."""


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """-log p(label) of each row in nats, `(n, V)` and `(n,)` to `(n,)`."""
    return F.cross_entropy(logits, labels, reduction="none")


def values_of(
    method: Method,
    hidden: Tensor,
    head: Callable[[Tensor], Tensor],
    labels: Tensor,
    token_class: Tensor,
    ref_hidden: Tensor | None = None,
    ref_head: Tensor | None = None,
    chunk: int = CHUNK,
) -> Tensor:
    """What `total` takes, `(N,)`: of forget rows by the method, of retain rows their cross entropy.

    A chunk of tokens at a time, so that two full logits tensors are never there. The matmul with the head and the loss
    are computed anew in the backward pass, so that memory depends on the chunk and not on the number of tokens.

    Args:
        hidden: `(N, H)`, the states that predict the tokens.
        head: `(n, H)` to logits `(n, V)`.
        labels, token_class: `(N,)`.
        ref_hidden: `(M, H)` of the model before, for the M tokens that are not of retain rows; None for a method
            without a reference.
        ref_head: `(V, H)`.
    """

    def of_retain(hidden: Tensor, labels: Tensor) -> Tensor:
        return cross_entropy(widened(head(hidden)), labels)

    def of_forget(hidden: Tensor, labels: Tensor, token_class: Tensor, ref_hidden: Tensor) -> Tensor:
        logits = widened(head(hidden))
        with torch.no_grad():
            before = logits[:, :0] if ref_head is None else widened(F.linear(ref_hidden, ref_head))
        return method.token_values(logits, before, labels, token_class)

    def chunked(function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        chunks = zip(*(tensor.split(chunk) for tensor in inputs), strict=True)
        return torch.cat([checkpoint(function, *each, use_reentrant=False) for each in chunks])

    retain, forget = token_class == RETAIN, token_class != RETAIN
    states = hidden[forget]
    before = states if ref_hidden is None else ref_hidden
    values = widened(hidden.new_zeros(len(hidden)))
    values = values.masked_scatter(retain, chunked(of_retain, hidden[retain], labels[retain]).to(values.dtype))
    of_rows = chunked(of_forget, states, labels[forget], token_class[forget], before)
    return values.masked_scatter(forget, of_rows.to(values.dtype))


def total(method: Method, values: Tensor, tokens: Tokens) -> tuple[Tensor, dict[str, Tensor]]:
    """The micro-batch's share of the loss, and of its terms before their weights.

    Args:
        values: `(N,)`, of forget rows by the method, of retain rows their cross entropy (or by `hidden_values`).
    """
    terms = method.terms(values, tokens)
    if tokens.counts.tokens.get(RETAIN):
        terms["retain"] = tokens.mean(values, RETAIN)
    weights = method.weights()
    weighted = [weights.get(name, 1.0) * term for name, term in terms.items()]
    return torch.stack(weighted).sum(), terms
