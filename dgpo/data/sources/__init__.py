"""Where prompts come from: the data sets known by name, those of the hub, and a person's own files."""

from dgpo.data.sources.catalogue import SOURCES
from dgpo.data.sources.source import HubCopy, Record, Source

__all__ = ["SOURCES", "HubCopy", "Record", "Source"]
