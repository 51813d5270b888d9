import pytest
import torch


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    """Models this small are trained faster by one thread, and on a busy machine many times so."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
