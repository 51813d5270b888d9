"""Speed of the GPUs that hours are estimated for."""

from dataclasses import dataclass

from dgpo.errors import UserError


@dataclass(frozen=True)
class Gpu:
    """Dense bfloat16 FLOP/s and bytes/s of memory, by the data sheet of the SXM board."""

    name: str
    flops: float
    bandwidth: float


GPUS = {
    gpu.name: gpu
    for gpu in (
        Gpu("A100", 312e12, 2.0e12),
        Gpu("H100", 989e12, 3.35e12),
        Gpu("H200", 989e12, 4.8e12),
        Gpu("H20", 148e12, 4.0e12),
    )
}


def find_gpu(name: str | None) -> Gpu | None:
    """The GPU that ``run.gpu`` names; None where it names none.

    Raises:
        UserError: its speed is not known.
    """
    if name is not None and name not in GPUS:
        raise UserError(f"run.gpu={name}: its speed is not known; use one of {', '.join(GPUS)}, or null")
    return None if name is None else GPUS[name]
