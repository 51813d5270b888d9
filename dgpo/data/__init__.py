"""Prompts: the parquet schema that verl reads, one file per source, and the tiny model of the quick start.

Importing this package costs pyarrow alone; torch and transformers are loaded by the functions that need them.
"""

from dgpo.data.schema import PromptRow, check_parquet, make_row, write_parquet

__all__ = ["PromptRow", "check_parquet", "make_row", "write_parquet"]
