"""What a model says of rows: token log-probs of given answers, greedy answers, and what follows a given prefix."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from nltk.stem.porter import PorterStemmer
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from dgpo.unlearning.data import Encoder, Row
from dgpo.unlearning.palu import PREFIX, REST

STEMMER = PorterStemmer()
NEW_TOKENS = 64
"""Of a greedy answer, at most."""


@dataclass(frozen=True)
class Scored:
    """A model's predictions of an answer's tokens, each with the true tokens before it.

    Attributes:
        log_probs: of its tokens with the end token.
        predicted, labels: the likeliest and the true tokens, without the end token where it has one.
    """

    log_probs: list[float]
    predicted: list[int]
    labels: list[int]

    @property
    def loss(self) -> float:
        return -sum(self.log_probs) / len(self.log_probs)


class Scorer:
    """A Hugging Face model on one device.

    Args:
        model, encoder: the model in eval mode, and the encoder with its tokenizer.
        batch_size: rows at a time.
    """

    def __init__(self, model: Any, encoder: Encoder, *, batch_size: int = 64):
        self.model, self.encoder, self.batch_size = model, encoder, batch_size
        tokenizer = encoder.tokenizer
        self.end = tokenizer.eos_token_id
        self.pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else self.end

    @torch.inference_mode()
    def answers(self, rows: Sequence[Row]) -> list[Scored]:
        """Log-probs and likeliest tokens of each row's answer; of a long text's first part."""
        examples = [self.encoder.example(row)[0] for row in rows]
        # By length, so that little is padded.
        order = sorted(range(len(examples)), key=lambda number: len(examples[number].ids))
        scored: dict[int, Scored] = {}
        for start in range(0, len(order), self.batch_size):
            numbers = order[start : start + self.batch_size]
            batch = self.padded([examples[number].ids for number in numbers], "right")
            logits = self.model(**batch, use_cache=False).logits
            for ids, of_row, number in zip(batch["input_ids"], logits, numbers, strict=True):
                where = torch.tensor(examples[number].classes, device=ids.device).nonzero()[:, 0]
                labels, of_answer = ids[where], of_row[where - 1].float()
                log_probs = of_answer.log_softmax(-1).gather(-1, labels[:, None])[:, 0]
                count = len(labels) - int(labels[-1] == self.end)
                predicted = of_answer.argmax(-1)[:count]
                scored[number] = Scored(log_probs.tolist(), predicted.tolist(), labels[:count].tolist())
        return [scored[number] for number in range(len(rows))]

    def padded(self, rows: Sequence[Sequence[int]], side: str) -> dict[str, Tensor]:
        """Rows of token ids as the model takes them."""
        tensors = [torch.tensor(row, dtype=torch.long) for row in rows]
        ids = pad_sequence(tensors, batch_first=True, padding_value=self.pad, padding_side=side)
        mask = pad_sequence([torch.ones_like(row) for row in tensors], batch_first=True, padding_side=side)
        return {"input_ids": ids.to(self.model.device), "attention_mask": mask.to(self.model.device)}

    @torch.inference_mode()
    def continued(self, prompts: Sequence[Sequence[int]], new_tokens: int) -> list[list[int]]:
        """Greedy continuations of prompts of token ids, without the end token."""
        continuations: list[list[int]] = []
        for start in range(0, len(prompts), self.batch_size):
            batch = self.padded(prompts[start : start + self.batch_size], "left")
            output = self.model.generate(
                **batch,
                max_new_tokens=new_tokens,
                do_sample=False,
                temperature=None,
                top_p=None,
                top_k=None,
                pad_token_id=self.pad,
                eos_token_id=self.end,
            )
            for new in output[:, batch["input_ids"].shape[1] :].tolist():
                continuations.append(new[: new.index(self.end)] if self.end in new else new)
        return continuations

    def greedy(self, rows: Sequence[Row]) -> list[str]:
        """The model's own answer to each row's question."""
        tokens = self.continued([self.encoder.prompt(row.prompt) for row in rows], NEW_TOKENS)
        return self.encoder.tokenizer.batch_decode(tokens, skip_special_tokens=True)

    def recited(self, row: Row, given: int) -> float | None:
        """Share of a row's spans that the model completes from their first ``given`` tokens, or None."""
        example = self.encoder.example(row, given)[0]
        classes, spans = example.classes, []
        for at in range(1, len(classes)):
            if classes[at] == REST and classes[at - 1] == PREFIX:
                end = next((to for to in range(at, len(classes)) if classes[to] != REST), len(classes))
                spans.append((at, end))
        if not spans:
            return None
        hits = [self.continued([example.ids[:start]], end - start)[0] == example.ids[start:end] for start, end in spans]
        return sum(hits) / len(hits)


def rouge_l(reference: str, text: str, *, stemmed: bool = False) -> tuple[float, float]:
    """(recall, F1) of the longest common subsequence of words, of letters and digits in lower case.

    Args:
        stemmed: compare words of more than three letters by their Porter stems, as TOFU's evaluation does and MUSE's
            does not. The figures are then those of rouge_score with ``use_stemmer=True``.
    """
    left, right = (re.findall(r"[a-z0-9]+", each.lower()) for each in (reference, text))
    if stemmed:
        left, right = ([STEMMER.stem(word) if len(word) > 3 else word for word in words] for words in (left, right))
    before = [0] * (len(right) + 1)
    for word in left:
        now = [0]
        for place, other in enumerate(right):
            now.append(before[place] + 1 if word == other else max(before[place + 1], now[place]))
        before = now
    common = before[-1]
    if not common:
        return 0.0, 0.0
    recall, precision = common / len(left), common / len(right)
    return recall, 2 * recall * precision / (recall + precision)
