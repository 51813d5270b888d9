"""The model before, on disk: its last hidden states at the answers of the forget rows, and its head.

It is frozen and the rows are few, so one pass before the first step serves the whole run, exactly and without a second
model in memory: 2·H bytes a token in bfloat16, 1.6 MB for an answer of 200 tokens at H = 4,096.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from dgpo.files import draft_of


def save(path: Path, tensors: Mapping[str, Tensor]) -> None:
    from safetensors.torch import save_file

    with draft_of(path) as draft:
        save_file({name: tensor.contiguous().cpu() for name, tensor in tensors.items()}, draft)


class Reference:
    """What `save` has left in a folder, read where it is asked for.

    Attributes:
        head: `(V, H)`.
    """

    def __init__(self, folder: Path, device: Any):
        from safetensors import safe_open

        self._device = device
        self._files: dict[str, Any] = {}
        for path in sorted(folder.glob("states-*.safetensors")):
            file: Any = safe_open(path, "pt")
            self._files.update(dict.fromkeys(file.keys(), file))
        with safe_open(folder / "head.safetensors", "pt") as file:
            self.head: Tensor = file.get_tensor("head").to(device)

    def states(self, example: int) -> Tensor:
        """States that predict the answer tokens of an example, `(tokens, H)`."""
        return self._files[str(example)].get_tensor(str(example)).to(self._device)


def is_complete(folder: Path, ranks: int) -> bool:
    return (folder / "head.safetensors").is_file() and len([*folder.glob("states-*.safetensors")]) == ranks
