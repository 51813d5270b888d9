"""The settings of an unlearning config, and checks of them before anything starts."""

import math
import os
from dataclasses import dataclass, fields
from typing import Any, get_args

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dgpo.errors import UserError, choose
from dgpo.unlearning.data import WithoutSpans
from dgpo.unlearning.losses import METHODS, Method


@dataclass
class Run:
    name: str
    dir: str


@dataclass
class Model:
    path: str
    reference: str | None
    dtype: str
    attention: str
    gradient_checkpointing: bool
    lora_rank: int
    lora_alpha: int


@dataclass
class Data:
    forget: str | None
    retain: str | None
    alternatives: str | None
    template: str | None
    max_length: int
    without_spans: str
    inside_words: bool


@dataclass
class Train:
    batch_size: int
    micro_batch_size: int
    epochs: int
    steps: int | None
    lr: float
    weight_decay: float
    adam_beta2: float
    clip_grad: float
    warmup_steps: int | None
    schedule: str
    save_every: int
    keep: int


@dataclass
class Trainer:
    device: str
    n_gpus_per_node: int
    logger: list[str]
    project: str


@dataclass
class Settings:
    """The keys of configs/unlearning.yaml, which says what they mean."""

    seed: int
    here: str
    run: Run
    model: Model
    data: Data
    method: dict[str, Any]
    train: Train
    trainer: Trainer


CHOICES = {
    "model.dtype": ("bf16", "fp32"),
    "model.attention": ("eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention"),
    "data.without_spans": get_args(WithoutSpans),
    "train.schedule": ("constant", "cosine"),
    "trainer.device": ("cuda", "cpu"),
    "trainer.logger": ("file", "tensorboard", "wandb", "console", "mlflow", "swanlab", "trackio", "clearml"),
}
AT_LEAST = {
    "seed": 0,
    "model.lora_rank": 0,
    "model.lora_alpha": 1,
    "data.max_length": 2,
    "train.batch_size": 1,
    "train.micro_batch_size": 1,
    "train.epochs": 1,
    "train.steps": 1,
    "train.lr": 1e-12,
    "train.weight_decay": 0,
    "train.adam_beta2": 0,
    "train.clip_grad": 1e-6,
    "train.warmup_steps": 0,
    "train.save_every": 0,
    "train.keep": 1,
    "trainer.n_gpus_per_node": 1,
}
BELOW = {"seed": 2**31, "train.lr": 1, "train.adam_beta2": 1}


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
    for key, choices in CHOICES.items():
        value: Any = OmegaConf.select(merged, key)
        for each in [value] if isinstance(value, str) else value:
            if each not in choices:
                raise UserError(f"{key}={each}: it is unknown; choose one of {', '.join(choices)}")
    for key, least in AT_LEAST.items():
        value, limit = OmegaConf.select(merged, key), BELOW.get(key, math.inf)
        if value is not None and not least <= value < limit:
            raise UserError(f"{key}={value}: it must be {least} or more" + f" and below {limit}" * (key in BELOW))
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
    defaults = {each.name: each.default for each in fields(loss)}
    for key, value in options.items():
        if key not in defaults:
            raise UserError(f"method.{key}={value}: {name} has no such setting; it has {', '.join(defaults)}")
        default = defaults[key]
        if isinstance(default, float) and not isinstance(value, int | float):
            raise UserError(f"method.{key}={value}: it is no number; choose such as {default}")
        if isinstance(default, int) and not isinstance(default, bool) and value is not None and type(value) is not int:
            raise UserError(f"method.{key}={value}: it is no whole number; choose such as {default}")
    try:
        return loss(**options)
    except ValueError as error:
        raise UserError(f"method.{error}") from error


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
