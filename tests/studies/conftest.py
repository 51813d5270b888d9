from collections.abc import Iterator

import pytest

from dgpo.studies.threads import one_thread


@pytest.fixture(autouse=True)
def small_tensors() -> Iterator[None]:
    with one_thread():
        yield
