import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
import {module}
heavy = [name for name in ("verl", "vllm", "ray", "transformers", "sympy") if name in sys.modules]
sys.exit(f"{module} imports {{heavy}}" if heavy else 0)
"""


def test_what_needs_no_trainer_imports_none() -> None:
    for module in (
        "dgpo",
        "dgpo.losses",
        "dgpo.verifier",
        "dgpo.data",
        "dgpo.evaluation.statistics",
        "dgpo.runs.report",
    ):
        done = subprocess.run([sys.executable, "-c", PROGRAM.format(module=module)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("platform", "layer"), [("cpu", True), ("nvidia", False)], ids=["by its entry point", "without the CPU layer"]
)
def test_verl_loads_the_plug_in_and_what_the_platform_needs(platform: str, layer: bool) -> None:
    program = (
        "import verl, sys; assert 'dgpo.plugin' in sys.modules; "
        f"assert any(name.startswith('dgpo.cpu') for name in sys.modules) is {layer}"
    )
    done = subprocess.run([sys.executable, "-c", program], env={**os.environ, "VERL_PLATFORM": platform})
    assert done.returncode == 0


def test_the_losses_are_in_verl_s_registry_once_their_config_is_named() -> None:
    from verl.trainer.ppo.core_algos import POLICY_LOSS_REGISTRY
    from verl.utils.import_utils import load_class_from_fqn

    load_class_from_fqn("dgpo.losses.verl.DGPOPolicyLossConfig")
    assert {"dgpo", "grpo", "gppo", "ce_gppo", "aspo", "maspo", "dgpo_cispo"} <= set(POLICY_LOSS_REGISTRY)
