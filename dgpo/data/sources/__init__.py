"""The data sets that `dgpo data prepare` knows, one file per family. `source.py` says what a source is."""

from dgpo.data.sources.aime import AIME24, AIME25
from dgpo.data.sources.amc import AMC23
from dgpo.data.sources.arithmetic import ARITHMETIC
from dgpo.data.sources.dapo import DAPO
from dgpo.data.sources.deepscaler import DEEPSCALER
from dgpo.data.sources.gsm8k import GSM8K
from dgpo.data.sources.klear import KLEAR
from dgpo.data.sources.math500 import MATH500
from dgpo.data.sources.minerva import MINERVA
from dgpo.data.sources.olympiadbench import OLYMPIADBENCH
from dgpo.data.sources.source import HubCopy, Record, Source

__all__ = ["SOURCES", "HubCopy", "Record", "Source"]

_ALL = (DAPO, DEEPSCALER, KLEAR, GSM8K, AIME24, AIME25, AMC23, MATH500, MINERVA, OLYMPIADBENCH, ARITHMETIC)
SOURCES: dict[str, Source] = {source.name: source for source in _ALL}
