"""The losses of unlearning: PALU's and those it is compared with. Pure: tensors in, tensors out."""

from dgpo.unlearning.losses.base import ALTERNATIVE, CHUNK, RETAIN, Counts, Method, Tokens, total, values_of
from dgpo.unlearning.losses.baselines import CEU, NPO, PDU, RMU, TPO, WGA, Finetune, GradAscent, IdkDPO, SimNPO, Undial
from dgpo.unlearning.losses.palu import Palu

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

__all__ = ["ALTERNATIVE", "CHUNK", "METHODS", "RETAIN", "Counts", "Method", "Tokens", "total", "values_of"]
