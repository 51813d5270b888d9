"""LoRA in a checkpoint: W + alpha/r·B·A in the place of each adapted weight W, or A and B alone as PEFT reads them."""

from pathlib import Path
from typing import Any

import torch
import yaml

from dgpo.errors import UserError

PREFIX = "base_model.model."
A, B = ".lora_A.default.weight", ".lora_B.default.weight"

State = dict[str, torch.Tensor]


def check_names(adapter: State, actor: Path) -> None:
    """Check that every tensor of the adapter is the A or the B of a linear layer.

    Raises:
        UserError: there is another tensor, such as DoRA's magnitudes, or none.
    """
    other = sorted(name for name in adapter if not name.endswith((A, B)))
    if other or not adapter:
        what = f"{other[0]} is not part of a plain LoRA" if other else "its shards hold no adapter"
        raise UserError(f"{actor}: {what}; choose a checkpoint trained by model.lora_rank")


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
    """The weights of the base model in bfloat16, for a checkpoint that holds the adapter alone.

    Raises:
        UserError: the model is not known, or not where it was.
    """
    from transformers import AutoModelForCausalLM

    path = base_model(actor)
    if path is None or not Path(path).expanduser().is_dir():
        where = f"{path} is not there" if path else f"{actor.parents[2]}/config.yaml does not say which"
        raise UserError(
            f"{actor.parent}: it holds the adapter alone, and its base model is needed, but {where}; "
            "call dgpo export from where the run was started, or export the adapter with --adapter"
        )
    return dict(AutoModelForCausalLM.from_pretrained(Path(path).expanduser(), dtype=torch.bfloat16).state_dict())
