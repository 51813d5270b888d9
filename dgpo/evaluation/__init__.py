"""Evaluation: avg@k, pass@k and maj@k of models on benchmarks, with their errors.

`generate`, `score` and `report` are the commands of `dgpo eval`; `statistics` is pure; `engine` alone imports vLLM.
"""
