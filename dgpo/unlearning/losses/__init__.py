"""The losses of unlearning, a file a method. Pure: tensors in, tensors out."""

from dgpo.unlearning.losses.base import ALTERNATIVE, ANSWER, RETAIN, Counts, Method, Tokens, cross_entropy, total
from dgpo.unlearning.losses.ce_u import CEU
from dgpo.unlearning.losses.finetune import Finetune
from dgpo.unlearning.losses.grad_ascent import GradAscent
from dgpo.unlearning.losses.idk_dpo import IdkDPO
from dgpo.unlearning.losses.npo import NPO
from dgpo.unlearning.losses.palu import Palu
from dgpo.unlearning.losses.pdu import PDU
from dgpo.unlearning.losses.rmu import RMU
from dgpo.unlearning.losses.simnpo import SimNPO
from dgpo.unlearning.losses.tpo import TPO
from dgpo.unlearning.losses.undial import Undial
from dgpo.unlearning.losses.wga import WGA

METHODS: dict[str, type[Method]] = {
    "palu": Palu,
    "grad_ascent": GradAscent,
    "npo": NPO,
    "simnpo": SimNPO,
    "idk_dpo": IdkDPO,
    "undial": Undial,
    "ce_u": CEU,
    "wga": WGA,
    "pdu": PDU,
    "tpo": TPO,
    "rmu": RMU,
    "finetune": Finetune,
}
"""By the ``loss`` of a file in configs/method."""

__all__ = ["ALTERNATIVE", "ANSWER", "METHODS", "RETAIN", "Counts", "Method", "Tokens", "cross_entropy", "total"]
