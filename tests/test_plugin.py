import subprocess
import sys

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


def test_verl_loads_the_plug_in_by_its_entry_point() -> None:
    program = "import verl, sys; sys.exit(0 if 'dgpo.plugin' in sys.modules else 1)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_on_another_platform_nothing_of_the_cpu_layer_is_loaded() -> None:
    program = (
        "import os; os.environ['VERL_PLATFORM'] = 'nvidia'; import verl, sys; "
        "sys.exit(any(name.startswith('dgpo.cpu') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_the_losses_are_in_verl_s_registry_once_their_config_is_named() -> None:
    from verl.trainer.ppo.core_algos import POLICY_LOSS_REGISTRY
    from verl.utils.import_utils import load_class_from_fqn

    load_class_from_fqn("dgpo.losses.verl.DGPOPolicyLossConfig")
    assert {"dgpo", "grpo", "gppo", "ce_gppo", "aspo", "maspo", "dgpo_cispo"} <= set(POLICY_LOSS_REGISTRY)
