from collections.abc import Iterator

import pytest

from dgpo.studies.threads import one_thread


@pytest.fixture(autouse=True, scope="package")
def small_models() -> Iterator[None]:
    with one_thread():
        yield
