"""Evaluation: generating answers with vLLM, scoring them, and reporting avg@k and pass@k with errors.

`metrics` is pure numpy and stands alone.
"""
