"""Every value is of its option's kind, in its range, and one of its words: what the other checks calculate with."""

import difflib
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from omegaconf import DictConfig, OmegaConf

from dgpo.config.checks.finding import Finding
from dgpo.config.checks.kinds import ALSO, Kind, declared, defaults, like, members
from dgpo.config.checks.ranges import Range, range_of, words_of
from dgpo.config.compose import config_dir, flat, resolved
from dgpo.config.renamed_keys import BEFORE_REWARD, OTHERS
from dgpo.files import flatten

MISSING = "???"
# The key that an interpolation reads; and a value that is one interpolation and nothing else.
READ = re.compile(r"\$\{(?:oc\.\w+:)?([\w.]+)")
COPY = re.compile(READ.pattern + r"(?:,[^{}]*)?\}")
# What Ray, and a reward function of one's own, take is not declared.
OPEN = (
    "ray_kwargs.ray_init.",
    "ray_kwargs.ray_init.runtime_env.env_vars.",
    "reward.custom_reward_function.reward_kwargs.",
)
# A function of one's own takes none; and without its section the judge is off.
MAY_BE_ABSENT = ("reward.custom_reward_function.reward_kwargs", "reward.custom_reward_function.reward_kwargs.judge")
# Read by nothing: what verl had before `reward`, and the name of an engine that is off, which verl leaves unset.
UNREAD = (*BEFORE_REWARD, "reward.reward_model.rollout.name")


def malformed(composed: DictConfig) -> list[Finding]:
    """What there is nothing to calculate with, options that are not there and values that cannot be, and options that
    nothing reads; in a section, where code of one's own may read them, as warnings. A value that other options
    interpolate is found at its own key alone.

    Args:
        composed: a config, which may be resolved; what it interpolates is not known then.
    """
    config, read = resolved(composed), set(READ.findall(OmegaConf.to_yaml(composed)))
    findings = [*_missing("", OmegaConf.to_container(config), defaults()), *values(config, read)]
    keys = {problem.key for problem in findings}
    written = {key: str(value) for key, value in flat(composed).items()}
    copies = {key: source[1] for key, value in written.items() if (source := COPY.fullmatch(value))}
    own = (problem for problem in findings if copies.get(problem.key) not in keys)
    return [_of_variable(problem, written.get(problem.key, "")) for problem in own]


def _of_variable(problem: Finding, written: str) -> Finding:
    """A problem with the remedy for a value that is written as an environment variable, which is text."""
    if "${oc.env:" not in written or not isinstance(problem.value, str):
        return problem
    remedy = f"a variable is text; write ${{oc.decode:{written}}}, on a command line in quotes twice"
    return replace(problem, remedy=remedy)


def _missing(prefix: str, section: Any, default: Mapping[str, Any]) -> Iterator[Finding]:
    """Of each section that is as declared the options that were taken out: verl and the checks read them all."""
    for name, expected in default.items():
        key = f"{prefix}{name}"
        if key in UNREAD or key in MAY_BE_ABSENT:
            continue
        if name not in section:
            usual = "" if isinstance(expected, Mapping) else f", or give it its usual value: +{key}={expected}"
            message = "it was taken out, and is read"
            yield Finding(key, "(absent)", message, f"leave it in{usual.replace('=None', '=null')}")
        elif isinstance(expected, Mapping) and isinstance(inner := section[name], dict):
            # One of another class has other options; one that lost its class is to be found to lack it.
            target = expected.get("_target_")
            if inner.get("_target_", target) == target:
                yield from _missing(f"{key}.", inner, expected)


def _misspelt(key: str, name: str, options: Sequence[str]) -> tuple[str, str] | None:
    """What is wrong with a name that nothing declares, and the remedy; None where it may be the user's own."""
    prefix = key.removesuffix(name)
    if "." in name and options:
        return "a name with dots in a file is one name, and no path", "write it as sections, one within the other"
    if close := difflib.get_close_matches(name, options, 1, 0.8):
        return "there is no such option", f"write {prefix}{close[0]}, or leave it out"
    return None


def _misplaced(name: str, value: Any) -> tuple[str, str] | None:
    """What is wrong with a section that is one of another when it stands at the top, or with the choice of a file
    there, and the remedy; None where it may be the user's own."""
    if isinstance(value, str) and (config_dir() / name / f"{value}.yaml").is_file():
        return "it chooses a file, which only defaults do", f"write `- override {name}: {value}` into your defaults"
    ends = tuple(f".{name}.{each}".casefold() for each in flatten(value)) if isinstance(value, dict) else ()
    fit = [key for key in flatten(defaults()) if f".{key}".casefold().endswith(ends)]
    return (f"nothing reads {name} at the top of a config", f"write {' or '.join(fit[:3])}") if fit else None


def values(config: DictConfig, read: Collection[str] = ()) -> Iterator[Finding]:
    """A finding for each value that verl, vLLM or torch would refuse, or that an unset shell variable has left, and
    for each option that neither they nor the interpolations, of the keys ``read``, take."""
    yield from _section("", OmegaConf.to_container(config), defaults(), None, read)


def _section(
    prefix: str, section: Any, default: Mapping[str, Any], above: Any, read: Collection[str]
) -> Iterator[Finding]:
    annotations = members(section, above)
    for name, value in section.items():
        key = f"{prefix}{name}"
        if name == "_target_" or (key in UNREAD and not isinstance(value, list)):
            continue
        annotation = ALSO.get(key, annotations.get(name))
        is_declared = name in default or name in annotations or prefix in OPEN or (key in ALSO and "." not in name)
        if not is_declared and (undeclared := _undeclared(prefix, name, value, default, annotations, read)):
            yield undeclared
            continue
        expected = default.get(name)
        # A text of verl's may be empty, and what it does not set be null, whatever its classes declare.
        as_declared = name in default and value == expected and type(value) is type(expected)
        if as_declared and value != MISSING and not isinstance(value, dict):
            continue
        kind = kind_of(key, annotation, name in default, expected)
        # What nothing declares, such as a section of the user's own, is left alone.
        declared_somewhere = kind.types or name in default or value == MISSING
        problem = _problem(key, value, kind, expected) if declared_somewhere else None
        if problem:
            yield Finding(key, value, *problem)
        elif isinstance(value, dict):
            yield from _section(f"{key}.", value, expected if isinstance(expected, Mapping) else {}, annotation, read)


def _undeclared(
    prefix: str, name: str, value: Any, default: Collection[str], annotations: Collection[str], read: Collection[str]
) -> Finding | None:
    """A finding of an option that neither the declared values nor the annotations of its section have; None where
    something may read it."""
    key = f"{prefix}{name}"
    # verl makes these sections into their classes, and `run` is ours; others may be read by code of one's own too.
    if (key.startswith("actor_rollout_ref.") and annotations) or prefix == "run.":
        message = f"there is no such option; {prefix.rstrip('.')} has " + ", ".join(sorted(annotations or default))
        return Finding(key, value, message, "correct the name, or leave it out")
    problem = _misspelt(key, name, [*default, *annotations])
    if problem or (not prefix and (problem := _misplaced(name, value))):
        return Finding(key, value, *problem)
    # What is in a section that is declared empty is passed on to a library.
    if not default or any(f"{each}.".startswith(f"{key}.") for each in read):
        return None
    message = "neither verl nor dgpo has such an option, and no other option interpolates it"
    alone = not prefix and not isinstance(value, dict)
    if here := OTHERS.get(name) if prefix in ("", "trainer.") else None:
        return Finding(key, value, message, f"write {here}")
    own = "; what code of your own reads goes into a section" if alone else ", unless code of your own reads it"
    return Finding(key, value, message, f"leave it out{own}", fatal=alone)


def kind_of(key: str, annotation: Any, known: bool, default: Any) -> Kind:
    """By the annotation, or by the declared value."""
    if key in ALSO:
        return declared(annotation)
    if annotation is None:
        # verl and configs/ leave null what is a path or a name.
        return (Kind((str,), True) if default is None else like(default)) if known else Kind()
    kind = declared(annotation)
    return Kind(kind.types, True, kind.items) if known and default is None else kind


def _problem(key: str, value: Any, kind: Kind, default: Any) -> tuple[str, str] | None:
    """What is wrong with a value, and the remedy; None where nothing is."""
    if value == MISSING:
        return "it has no value", f"give one: {key}=..."
    if value == "" and kind.types and not key.startswith(OPEN):
        instead = "give a value, or leave the option out" + (", or write null" if kind.null else "")
        return "it is empty, as an unset shell variable leaves it", instead
    if value is None and not kind.null:
        return "it must have a value", f"give {kind}, or leave the option out"
    if value == [] and (str in kind.types or default):
        return "it is an empty list", "name at least one"
    words = words_of(key)
    if not kind.takes(value):
        return f"it must be {kind}", f"use one of {', '.join(words)}" if words else _corrected(key, value, kind)
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, int | float) and not isinstance(each, bool):
            allowed = range_of(key, default)
            if not math.isfinite(each):
                return "it must be a finite number", _in(allowed)
            if not allowed.holds(each):
                return "it is out of range", _in(allowed)
        if words and isinstance(each, str) and each not in words:
            return f"there is no such {key.rpartition('.')[2]}", "use one of " + ", ".join(words)
    return None


def _in(allowed: Range) -> str:
    return f"use a number {allowed}" if str(allowed) else "use another number"


def _corrected(key: str, value: Any, kind: Kind) -> str:
    """The override that is probably meant, or what to give."""
    if isinstance(value, str) and (bool in kind.types or int in kind.types or float in kind.types):
        try:
            number = float(value)
        except ValueError:
            return f"write it as {key}=..., with {kind}"
        text = f"{number:.0f}" if number.is_integer() else value
        return f"write {key}={text}, without quotes"
    if int in kind.types and isinstance(value, float) and value.is_integer():
        return f"write {key}={value:.0f}"
    if str in kind.types and not isinstance(value, dict | list) and value is not None:
        return f"for the text put it in quotes twice: '{key}=\"{value}\"'"
    if list in kind.types and not isinstance(value, dict | list):
        return f"write {key}=[{value}]"
    return f"give {kind}"
