"""What pyproject.toml declares is what the package imports."""

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dgpo.data.manifest import PACKAGES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DECLARED = {canonicalize_name(Requirement(each).name) for each in PROJECT["dependencies"]}
DISTRIBUTIONS = packages_distributions()


def imported(folder: Path, *, at_start: bool) -> Iterator[str]:
    """Distributions of the packages that the modules of a folder import, all or those at their start alone."""
    for file in folder.rglob("*.py"):
        if at_start and file.name == "verl.py":  # the side of the extras, imported where it is needed
            continue
        tree = ast.parse(file.read_text())
        for node in tree.body if at_start else ast.walk(tree):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for top in {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"dgpo"}:
                yield from map(canonicalize_name, DISTRIBUTIONS[top])


def test_every_declared_package_is_imported():
    assert set(imported(ROOT / "dgpo", at_start=False)) >= DECLARED


@pytest.mark.parametrize("folder", ["data", "evaluation", "runs"])
def test_what_is_imported_without_an_extra_is_declared(folder: str):
    assert set(imported(ROOT / "dgpo" / folder, at_start=True)) <= DECLARED


def test_the_manifest_names_declared_packages():
    assert set(PACKAGES) - {"dgpo"} <= DECLARED
