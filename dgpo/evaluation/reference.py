"""Published accuracies to compare a set-up with: avg@n in per cent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dgpo.evaluation.settings import ModelFacts


@dataclass(frozen=True)
class Reference:
    """One published result. `size` is that of DeepSeek-R1-Distill-Qwen, `method` how it was trained further."""

    size: str
    method: str
    source: str
    accuracy: Mapping[str, float]


CARD = "DeepSeek-R1 report (arXiv:2501.12948), T=0.6, top_p=0.95, 32,768 tokens, n=64"
OPEN_R1 = "open-r1's reproduction, T=0.6, top_p=0.95, 32,768 tokens"
PAPER = "DGPO paper (arXiv:2603.14389), Avg@32; its T, top_p and length are not published"

REFERENCES = (
    Reference("1.5B", "none", CARD, {"aime24": 28.9, "math500": 83.9}),
    Reference("7B", "none", CARD, {"aime24": 55.5, "math500": 92.8}),
    Reference("14B", "none", CARD, {"aime24": 69.7, "math500": 93.9}),
    Reference("1.5B", "none", OPEN_R1, {"aime24": 30.7, "math500": 81.2}),
    Reference("7B", "none", OPEN_R1, {"aime24": 50.8, "math500": 91.8}),
    Reference("14B", "none", OPEN_R1, {"aime24": 65.9, "math500": 94.2}),
    Reference(
        "1.5B", "GRPO", PAPER,
        {"aime24": 33.2, "aime25": 27.7, "amc23": 79.5, "math500": 77.6, "minerva": 26.1, "olympiadbench": 46.3},
    ),
    Reference(
        "1.5B", "DGPO", PAPER,
        {"aime24": 43.3, "aime25": 32.8, "amc23": 86.0, "math500": 77.9, "minerva": 28.2, "olympiadbench": 48.0},
    ),
    Reference(
        "7B", "GRPO", PAPER,
        {"aime24": 48.2, "aime25": 37.4, "amc23": 88.1, "math500": 84.8, "minerva": 37.4, "olympiadbench": 57.2},
    ),
    Reference(
        "7B", "DGPO", PAPER,
        {"aime24": 55.5, "aime25": 43.1, "amc23": 90.6, "math500": 85.4, "minerva": 39.8, "olympiadbench": 57.7},
    ),
)  # fmt: skip

_SIZES = {(1536, 28): "1.5B", (3584, 28): "7B", (5120, 48): "14B"}
"""(hidden size, layers) of DeepSeek-R1-Distill-Qwen. Other Qwen2 models have them too: see `references_for`."""


def references_for(model: ModelFacts, benchmarks: Mapping[str, Any]) -> list[Reference]:
    """The references of the model's size that have at least one of the benchmarks; none for a model of another shape.

    A trained checkpoint does not say what it was trained from, so every model of that shape is compared.
    """
    size = _SIZES.get((model.hidden_size or 0, model.num_hidden_layers or 0))
    return [each for each in REFERENCES if each.size == size and any(name in benchmarks for name in each.accuracy)]
