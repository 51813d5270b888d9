import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dgpo.agents.environment import Task


def rough(fault: str = "", seed: int = 0, **options: object) -> Task:
    """A task of the environment in rough.py."""
    return {"id": "rough:Rough-v0", "kwargs": json.dumps({"fault": fault, **options}), "seed": seed}


@pytest.fixture(autouse=True, scope="package")
def found() -> Iterator[None]:
    """rough.py is an installed module, here and in the host processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        patch.syspath_prepend(str(Path(__file__).parent))
        yield
