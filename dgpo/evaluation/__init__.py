"""Evaluation: generating answers with vLLM, scoring them, and reporting avg@k and pass@k with errors.

`metrics` and `compare` are pure numpy; `run`, `score` and `report` are the three commands. vLLM is imported by
`vllm_engine` alone, in a process of its own.
"""
