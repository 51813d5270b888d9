"""The settings of an unlearning config, and checks of them before anything starts."""

import os
from dataclasses import dataclass, fields
from typing import Any, get_args

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dgpo.errors import UserError, bounded, check_fields, choose, one_of
from dgpo.unlearning.data import WithoutSpans
from dgpo.unlearning.losses import METHODS, Method

LOGGERS = ("file", "tensorboard", "wandb", "console", "mlflow", "swanlab", "trackio", "clearml")


@dataclass(kw_only=True)
class Run:
    name: str
    dir: str


@dataclass(kw_only=True)
class Model:
    path: str
    reference: str | None
    dtype: str = one_of("bf16", "fp32")
    attention: str = one_of("eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention")
    gradient_checkpointing: bool
    lora_rank: int = bounded(at_least=0)
    lora_alpha: int = bounded(at_least=1)


@dataclass(kw_only=True)
class Data:
    forget: str | None
    retain: str | None
    alternatives: str | None
    template: str | None
    max_length: int = bounded(at_least=2)
    without_spans: str = one_of(*get_args(WithoutSpans))
    inside_words: bool


@dataclass(kw_only=True)
class Train:
    batch_size: int = bounded(at_least=1)
    micro_batch_size: int = bounded(at_least=1)
    epochs: int = bounded(at_least=1)
    steps: int | None = bounded(at_least=1)
    lr: float = bounded(above=0, below=1)
    weight_decay: float = bounded(at_least=0)
    adam_beta2: float = bounded(at_least=0, below=1)
    clip_grad: float = bounded(above=0)
    warmup_steps: int | None = bounded(at_least=0)
    schedule: str = one_of("constant", "cosine")
    save_every: int = bounded(at_least=0)
    keep: int = bounded(at_least=1)


@dataclass(kw_only=True)
class Trainer:
    device: str = one_of("cuda", "cpu")
    n_gpus_per_node: int = bounded(at_least=1)
    logger: list[str] = one_of(*LOGGERS)  # noqa: RUF009
    project: str


@dataclass(kw_only=True)
class Settings:
    """The keys of configs/unlearning.yaml, which says what they mean."""

    seed: int = bounded(at_least=0, below=2**31)
    here: str
    run: Run
    model: Model
    data: Data
    method: dict[str, Any]
    train: Train
    trainer: Trainer


def parse_settings(config: DictConfig) -> tuple[Settings, Method]:
    """The settings and the method of a resolved config.

    Raises:
        UserError: an unknown key, a value of the wrong type or out of range, or values that do not fit together.
    """
    try:
        merged = OmegaConf.merge(OmegaConf.structured(Settings), config)
        settings: Any = OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        raise UserError(f"{str(error).splitlines()[0]} (key {getattr(error, 'full_key', '')}); correct it") from error
    try:
        check_fields(settings)
        for name in ("model", "data", "train", "trainer"):
            check_fields(getattr(settings, name), f"{name}.{{}}".format)
    except ValueError as error:
        raise UserError(f"{error}; correct it") from error
    method = method_of(settings.method)
    check_together(settings, method)
    return settings, method


def method_of(content: dict[str, Any]) -> Method:
    """The method that a file of configs/method describes; UserError for an unknown loss or setting, or a bad value."""
    name = content.get("loss")
    loss = choose("loss", "method.loss", name, METHODS)
    if not isinstance(loss, type) or not issubclass(loss, Method):
        raise UserError(f"method.loss={name}: it is no subclass of dgpo.unlearning.losses.Method; derive it from that")
    options = {key: value for key, value in content.items() if key not in ("loss", "name")}
    known = [each.name for each in fields(loss)]
    for key in options.keys() - known:
        raise UserError(f"method.{key}={options[key]}: {name} has no such setting; it has {', '.join(known)}")
    try:
        return loss(**options)
    except ValueError as error:
        raise UserError(f"method.{error}; correct it") from error


def check_together(settings: Settings, method: Method) -> None:
    """Raises UserError where keys do not fit together."""
    train, data, size = settings.train, settings.data, settings.train.micro_batch_size
    if method.classes and not data.forget:
        raise UserError("data.forget: it is missing; give a file of the rows that are to be forgotten")
    if method.retain_weight and not data.retain:
        raise UserError("data.retain: it is missing; give a file of rows to be kept, or set method.retain_weight=0")
    # Under a launcher there may be more nodes than this one.
    ranks = int(os.environ.get("WORLD_SIZE") or settings.trainer.n_gpus_per_node)
    if train.batch_size % ranks:
        raise UserError(f"train.batch_size={train.batch_size}: it does not divide into {ranks} ranks; take a multiple")
    for_each = train.batch_size // ranks
    if for_each % size:
        rows = f"the {for_each} rows of a rank (train.batch_size={train.batch_size}, {ranks} ranks)"
        raise UserError(f"train.micro_batch_size={size}: it must divide {rows}")
    if method.needs_alternatives and size % 2:
        raise UserError(f"train.micro_batch_size={size}: {settings.method['loss']} has pairs; take an even one")
