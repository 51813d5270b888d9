"""The CPU platform for verl, with which the same trainer runs on a machine without an accelerator.

Imported only on that platform. ``platform`` and ``vllm_metadata`` are loaded by the plug-in in every
process; ``worker`` (the FSDP engine and its patches) by ``actor_rollout_ref.model.external_lib=dgpo.cpu.worker``;
``rollout`` inside vLLM's own worker.
"""
