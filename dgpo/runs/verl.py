"""verl's mergers of FSDP shards, and what they do not do of LoRA: they write the base model, untouched, and the adapter
beside it. Here W + alpha/r·B·A takes the place of each adapted weight W, or A and B stand alone as PEFT reads them."""

import contextlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from verl.model_merger.base_model_merger import ModelMergerConfig
from verl.model_merger.fsdp_model_merger import FSDPModelMerger

from dgpo.errors import UserError

PREFIX = "base_model.model."
A, B = ".lora_A.default.weight", ".lora_B.default.weight"

State = dict[str, torch.Tensor]


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
    """For an actor with an adapter, of which verl's ``record`` has rank and alpha; ``alone``, without the model."""

    def __init__(self, config: ModelMergerConfig, record: Mapping[str, Any], *, alone: bool):
        super().__init__(config)
        self._rank, self._alpha, self._alone = record["r"], record["lora_alpha"], alone

    def save_hf_model_and_tokenizer(self, state_dict: State) -> None:
        actor, target = Path(str(self.config.local_dir)), Path(str(self.config.target_dir))
        adapter = {name: value for name, value in state_dict.items() if "lora_" in name}
        other = sorted(name for name in adapter if not name.endswith((A, B)))
        if other or not adapter:
            what = f"{other[0]} is not part of a plain LoRA" if other else "its shards hold no adapter"
            raise UserError(f"{actor}: {what}; choose a checkpoint trained by model.lora_rank")
        if self._alone:
            save_adapter(adapter, target, self._rank, self._alpha, base_model(actor))
            return
        base = {name: value for name, value in state_dict.items() if name not in adapter}
        base = base or load_base(actor)
        super().save_hf_model_and_tokenizer(merge_adapter(base, adapter, self._alpha / self._rank))


def merge_adapter(base: State, adapter: State, scale: float) -> State:
    """The weights of ``base`` under their names without LoRA, W + ``scale``·B·A where the ``adapter`` has A and B.

    The product is added in fp32, and the sum rounded to what W was.
    """
    weights = {name.removeprefix(PREFIX).replace(".base_layer.", "."): value for name, value in base.items()}
    for module in (name.removesuffix(A) for name in adapter if name.endswith(A)):
        weight = weights[name := module.removeprefix(PREFIX) + ".weight"]
        change = adapter[module + B].float() @ adapter[module + A].float()
        weights[name] = (weight.float() + scale * change).to(weight.dtype)
    return weights


def save_adapter(adapter: State, target: Path, rank: int, alpha: int, base: str | None) -> None:
    """Write ``adapter`` to the folder ``target`` as PEFT saves one; vLLM and PEFT load it beside the ``base`` model."""
    from peft import LoraConfig
    from safetensors.torch import save_file

    modules = sorted(name.removeprefix(PREFIX).removesuffix(A) for name in adapter if name.endswith(A))
    target.mkdir()
    LoraConfig(
        r=rank,
        lora_alpha=alpha,
        target_modules=modules,
        base_model_name_or_path=base,
        task_type="CAUSAL_LM",
        inference_mode=True,
    ).save_pretrained(str(target))
    tensors = {name.replace(".default.weight", ".weight"): value.contiguous() for name, value in adapter.items()}
    save_file(tensors, target / "adapter_model.safetensors", metadata={"format": "pt"})


def base_model(actor: Path) -> str | None:
    """The model that the run of this checkpoint has started from, by the config in the run's folder."""
    # RUN/checkpoints/global_step_N/actor
    config = actor.resolve().parents[2] / "config.yaml"
    if not config.is_file():
        return None
    settings: Any = yaml.safe_load(config.read_text())
    return str(settings["actor_rollout_ref"]["model"]["path"])


def load_base(actor: Path) -> State:
    """The weights of the base model in bfloat16; UserError where it is not known, or not where it was."""
    from transformers import AutoModelForCausalLM

    path = base_model(actor)
    if path is None or not Path(path).expanduser().is_dir():
        where = f"{path} is not there" if path else f"{actor.parents[2]}/config.yaml does not say which"
        raise UserError(
            f"{actor.parent}: it holds the adapter alone, and its base model is needed, but {where}; "
            "call dgpo export from where the run was started, or export the adapter with --adapter"
        )
    return dict(AutoModelForCausalLM.from_pretrained(Path(path).expanduser(), dtype=torch.bfloat16).state_dict())
