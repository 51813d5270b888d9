"""The losses of unlearning, a family a file. Pure: tensors in, tensors out."""

from dgpo.unlearning.losses.ascent import WGA, GradAscent
from dgpo.unlearning.losses.base import ALTERNATIVE, ANSWER, RETAIN, Counts, Method, Tokens, cross_entropy, total
from dgpo.unlearning.losses.distillation import CEU, Undial
from dgpo.unlearning.losses.finetune import Finetune
from dgpo.unlearning.losses.palu import Palu
from dgpo.unlearning.losses.pdu import PDU
from dgpo.unlearning.losses.preference import NPO, TPO, IdkDPO, SimNPO
from dgpo.unlearning.losses.rmu import RMU

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
