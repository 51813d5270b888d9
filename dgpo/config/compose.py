"""Compose a training config: Hydra over ``configs/`` and verl's own configs, from a name and overrides."""

import os
import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dgpo.config.renamed_keys import OTHERS, replacement
from dgpo.errors import UserError
from dgpo.files import flatten

SECTIONS = ("actor_rollout_ref", "algorithm", "critic", "data", "ray_kwargs", "reward", "run", "trainer")

OF_HYDRA = "Hydra only composes here, so that it does nothing; leave it out, and use run.dir"


def config_dir() -> Path:
    """The folder of configs: beside the package in a checkout, inside it in an installed wheel."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


def compose_config(name: str, overrides: Sequence[str] = (), directory: Path | None = None) -> DictConfig:
    """The composed config, with unresolved interpolations.

    Args:
        name: name of an experiment, with or without ``.yaml``.
        overrides: in Hydra's grammar; a key that does not exist needs a leading ``+``.
        directory: folder of configs, by default ours.

    Raises:
        UserError: no such config or option, an unknown key, a malformed override.
    """
    # Hydra imports verl for its configs; hide what verl then logs.
    os.environ.setdefault("VERL_LOGGING_LEVEL", "WARN")
    overrides = [readable(override) for override in overrides]
    folder, name = (directory or config_dir()).resolve(), name.removesuffix(".yaml")
    if not folder.is_dir():
        raise UserError(f"--config-dir={directory}: there is no such folder; name one that holds your configs")
    # A config, a user's in any folder or ours, finds the user's choices first, then verl's and ours, by name.
    own = (folder / f"{name}.yaml").is_file() or not (config_dir() / f"{name}.yaml").is_file()
    search = f"hydra.searchpath=[pkg://verl.trainer.config,'file://{config_dir()}']"
    try:
        with initialize_config_dir(str(folder if own else config_dir()), version_base="1.3"):
            GlobalHydra.instance().config_loader().get_search_path().prepend("own", f"file://{folder}")
            config = compose(name, overrides=[search, *overrides])
        if (file := folder / f"{name}.yaml").is_file() and "@package" not in file.read_text("utf-8").partition("\n")[0]:
            refuse_replaced(file, config, overrides)
        return config
    except RecursionError as error:
        raise UserError(f"config {name}: its defaults lead back to itself; give your file another name") from error
    except MissingConfigException as error:
        if error.missing_cfg_file != name.lstrip("/"):
            missing = "=".join(str(error.missing_cfg_file).rsplit("/", 1))
            use = f"use one of {', '.join(sorted(error.options))}" if error.options else "correct the defaults"
            raise UserError(f"config {name}: {missing}: there is no such choice; {use}") from error
        if (given := Path(f"{name}.yaml")).is_file():
            write = f"write --config-dir={given.parent} --config-name={given.stem}"
            raise UserError(f"--config-name={name}: it is a name, and no path; {write}") from error
        there = ", ".join(sorted(file.stem for file in folder.glob("*.yaml"))) or "none"
        raise UserError(
            f"--config-name={name}: there is no {name}.yaml in {folder} (it has {there}); a config of your own needs "
            "--config-dir=FOLDER"
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"config {name}: a file of {folder} is not UTF-8 ({error}); save it as UTF-8") from error
    except (HydraException, OmegaConfBaseException, ValueError, TypeError, OSError, yaml.YAMLError) as error:
        hints = [f"{old}: write {new} instead" for old in overrides if (new := replacement(old))]
        if hints or not (unknown := re.match(r"Could not override '([\w.]+)'", str(error))):
            raise UserError("\n".join(hints) or f"config {name}: {_one_message(error)}") from error
        if "trainer" not in (own := compose_config(name, (), directory)):
            raise UserError(f"config {name}: it builds on none; let its defaults begin with rlvr") from error
        if any((each / unknown[1]).is_dir() for each in (folder, config_dir())):
            raise UserError(f"{unknown[1]}: {name} has no choice of it; write +{unknown[1]}=NAME to add one") from error
        at_fault = str(getattr(error.__cause__, "full_key", ""))
        key = at_fault if at_fault.startswith(f"{unknown[1]}.") else unknown[1]  # KEY={NAME: VALUE}
        raise UserError(f"{key}: {name} has no such key; {_nearest(key, [*flat(own)])}") from error


def flat(config: DictConfig) -> dict[str, Any]:
    """The values of a config by their dotted keys; interpolations as they are written."""
    return flatten(cast(dict[str, Any], OmegaConf.to_container(config)))


def _nearest(unknown: str, keys: Sequence[str]) -> str:
    """What to write instead of a key that there is not: one that ends as it does, or is spelt much like it."""
    if unknown in keys:
        return "another override, with ~, has taken it out; leave that out"
    last = unknown.rpartition(".")[2]
    # A key of unlearning has the last part of the training's.
    ends = unknown, OTHERS.get(last, unknown), OTHERS.get(last, unknown.replace(".", "_")).rpartition(".")[2]
    within = next(filter(None, ([key for key in keys if f".{key}".endswith(f".{end}")] for end in ends)), [])
    if not within:  # both as a whole and at its end
        close = get_close_matches(unknown, keys, 3, 0.93)
        within = [key for key in close if get_close_matches(last, [key.rpartition(".")[2]], 1, 0.75)][:1]
    own = f"+{unknown}=VALUE adds a key of your own"
    return f"write {' or '.join(within[:3])}; {own}" if within else f"correct it, or {own}"


def refuse_replaced(file: Path, config: DictConfig, overrides: Sequence[str]) -> None:
    """Raises UserError where a value in a config's own file does nothing: it is Hydra's, or an entry of its defaults
    replaces it, which comes after ``_self_``. An override, or a group that one adds, may do so."""
    own, composed = flat(cast(DictConfig, OmegaConf.load(file))), flat(config)
    adds_group = any(re.match(r"\+[\w/]+=", override) for override in overrides)
    given = [re.split("[=@]", override.lstrip("+~"))[0] for override in overrides]
    for key, value in own.items():
        if key.startswith("hydra.") and key != "hydra.searchpath":
            raise UserError(f"{file}: {key}={value}: {OF_HYDRA}")
        is_given = adds_group or any(f"{key}.".startswith(f"{each}.") for each in given)
        if value != "???" and not is_given and (now := composed.get(key, value)) != value:
            raise UserError(f"{file}: {key}={value} does nothing, for its defaults make it {now}; put _self_ last")


def of_training(name: str, composed: DictConfig) -> DictConfig:
    """The config, `resolved`; UserError where it is not of a training."""
    config = resolved(composed)
    missing = ", ".join(section for section in SECTIONS if section not in config)
    if missing or {"dir", "keep_checkpoints"}.isdisjoint(config.run):
        raise UserError(
            f"--config-name={name}: it has no {missing or 'run.dir'}, so verl's trainer cannot run it; let its "
            "defaults begin with rlvr or an experiment that does; `dgpo unlearn train` takes configs of unlearning"
        )
    return config


def readable(override: str) -> str:
    """The override, its value in quotes where that is a path with signs that Hydra's grammar lacks: ``~``, ``ü``.

    Raises:
        UserError: it is outside of Hydra's grammar, or would be read as several runs; with what to write instead.
    """
    key, equals, value = override.partition("=")
    if key.startswith(("hydra.", "hydra/", "+hydra", "~hydra")):
        raise UserError(f"{override}: {OF_HYDRA}")
    if override.startswith("-"):
        right = override.lstrip("-") if equals else f"{override.lstrip('-')}=VALUE"
        raise UserError(f"{override}: --help lists no such option, and an override has no dashes; write {right}")
    if not key or not (equals or override.startswith("~")):
        raise UserError(f"{override}: it is no override; write KEY=VALUE, as one word without spaces")
    if key != key.strip() or value != value.strip():
        raise UserError(f"{override}: there is a space at its =; write {key.strip()}={value.strip()}")
    parts = [part for part in re.split("[/:.]", key) if part]
    if "" in key.split(".")[1:] or re.fullmatch(rf"({'|'.join(SECTIONS)})[/:][\w./:]+", key):
        raise UserError(f"{override}: the parts of a key have a dot between them; write {'.'.join(parts)}={value}")
    try:
        parsed = OverridesParser.create().parse_override(override)
    except HydraException:
        if re.fullmatch(r"[+\w.@/]+", key) and re.fullmatch(r"[\w./~-][\w ./~@%+:=-]*", value):
            return f'{key}="{value}"'
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        raise UserError(
            f"{key}={value}: Hydra takes a character of it for its own grammar; put the value in quotes twice: "
            f"'{key}=\"{escaped}\"'"
        ) from None
    kinds = str | list if key == "advantage" else str  # advantages follow one another
    if (group := config_dir() / key.lstrip("+")).is_dir() and not isinstance(parsed.value(), kinds):
        names = ", ".join(sorted(file.stem for file in group.glob("*.yaml")))
        raise UserError(f"{override}: it must be the name of a file in configs/{key}; use one of {names}, or ~{key}")
    if parsed.is_sweep_override():
        raise UserError(
            f"{key}={value}: it reads as several runs, and this is one; for a list write '{key}=[{value}]', for a text "
            f"put it in quotes twice: '{key}=\"{value}\"'"
        )
    return override


def paths(value: object) -> list[str]:
    """The files that a value of the config names: verl takes one path or a list."""
    each = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return [str(path) for path in each if path is not None]


def places(value: object) -> list[Path]:
    """The same files, each under the one name that it has on this machine."""
    return [Path(path).expanduser().resolve() for path in paths(value)]


def resolved(config: DictConfig) -> DictConfig:
    """A copy with every interpolation resolved, and `~` at the beginning of a path, which verl takes as it stands;
    without the reward function's options where a file takes them out by null. UserError where a value is missing or an
    interpolation leads nowhere."""
    try:
        container = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        if section := re.search(r"node `([\w.]+)` is not a container", str(error)):
            value = OmegaConf.select(config, section[1])
            raise UserError(
                f"{section[1]}={value}: it is a section with options of its own; set those, {section[1]}.NAME=VALUE, "
                f"or choose a file of configs/{section[1].rpartition('.')[2]} where there is such a folder"
            ) from error
        what = str(error).partition("\n")[0]
        if missing := re.search(r"Missing mandatory value: ([\w.]+)", what):
            raise UserError(f"{missing[1]}: it has no value; write {missing[1]}=VALUE") from error
        # At the key whose own text refers to what there is not; Hydra names one that refers to that key.
        name = re.search(r"(?:variable '|key '|type )([\w.]+)", what)
        refers = re.compile(rf"\$\{{[^}}]*\b{re.escape(name[1] if name else '')}\b")
        key = next((key for key, value in flat(config).items() if name and refers.search(str(value))), error.full_key)
        remedy = "give it a value, or ${oc.env:NAME,DEFAULT}" if "variable" in what else "correct what it refers to"
        raise UserError(f"{key}: {what}; {remedy}") from error
    composed = cast(DictConfig, OmegaConf.create(_at_home(container)))
    match composed:
        case {"reward": {"custom_reward_function": {"reward_kwargs": None} as function}}:
            del function["reward_kwargs"]
    return composed


def _at_home(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _at_home(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_at_home(each) for each in value]
    return os.path.expanduser(value) if isinstance(value, str) and value.startswith("~/") else value


def select_platform(config: DictConfig) -> None:
    """Name the CPU platform, for this process and those it starts, where the config asks for it."""
    if OmegaConf.select(config, "trainer.device") == "cpu":
        from dgpo import plugin

        os.environ["VERL_PLATFORM"] = "cpu"
        # Each rank asks Ray for a GPU, which has none where this is empty.
        os.environ.pop("CUDA_VISIBLE_DEVICES", None)
        plugin.register()


def _one_message(error: BaseException) -> str:
    """The error and its causes, each once: Hydra puts the telling part in either."""
    parts: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        text = str(cause).strip()
        if text and not any(text in part for part in parts):
            parts.append(text)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return " ".join(" ".join(parts).split())
