"""verl's mergers of FSDP shards, and what they do not do of LoRA: they write the base model, untouched, and the adapter
beside it."""

import contextlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from verl.model_merger.base_model_merger import ModelMergerConfig
from verl.model_merger.fsdp_model_merger import FSDPModelMerger

from dgpo.runs.adapter import State, base_model, check_names, load_base, merge_adapter, save_adapter


def merge(actor: Path, target: Path, lora: Mapping[str, Any] | None, *, adapter: bool) -> None:
    """Put the shards in ``actor`` together; with what verl says of its ``lora``, the model with it, or it alone."""
    config = ModelMergerConfig(
        operation="merge",
        backend="fsdp",
        local_dir=str(actor),
        hf_model_config_path=str(actor / "huggingface"),
        target_dir=str(target),
    )
    with contextlib.redirect_stdout(io.StringIO()):
        merger = FSDPModelMerger(config) if lora is None else LoraMerger(config, lora, alone=adapter)
        merger.merge_and_save()


class LoraMerger(FSDPModelMerger):
    """For an actor with an adapter.

    Args:
        record: verl's, of rank (``r``) and ``lora_alpha``.
        alone: write the adapter, and not the model.
    """

    def __init__(self, config: ModelMergerConfig, record: Mapping[str, Any], *, alone: bool):
        super().__init__(config)
        self._rank, self._alpha, self._alone = record["r"], record["lora_alpha"], alone
        self._actor = Path(str(config.local_dir))

    def save_hf_model_and_tokenizer(self, state_dict: State) -> None:
        adapter = {name: value for name, value in state_dict.items() if "lora_" in name}
        check_names(adapter, self._actor)
        if self._alone:
            target = Path(str(self.config.target_dir))
            save_adapter(adapter, target, self._rank, self._alpha, base_model(self._actor))
            return
        base = {name: value for name, value in state_dict.items() if name not in adapter}
        base = base or load_base(self._actor)
        super().save_hf_model_and_tokenizer(merge_adapter(base, adapter, self._alpha / self._rank))
