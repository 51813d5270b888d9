"""Prompts: data sets, benchmarks and a person's own files, prepared as the parquet files that verl reads.

Importing this package costs pyarrow alone; torch and transformers are loaded by the functions that need them.
"""

from dgpo.data.schema import PromptRow, check_parquet, make_row, write_parquet

__all__ = ["PromptRow", "check_parquet", "make_row", "write_parquet"]
