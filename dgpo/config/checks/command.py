"""What ``dgpo check`` does: every problem of a config, with no cluster started."""

import sys
from collections.abc import Sequence
from pathlib import Path

from dgpo.cluster import use_token
from dgpo.config.checks import check, report
from dgpo.config.checks.values import values
from dgpo.config.compose import select_platform, training_config
from dgpo.config.memory.command import show
from dgpo.config.memory.setup import setup_from


def check_config(
    name: str, overrides: Sequence[str], directory: Path | None, *, declared: bool = False, plan: bool = False
) -> int:
    """Compose and check; 0 when a run may start, 2 when it would be refused.

    Args:
        declared: believe the config about hardware and files.
        plan: print the memory that it needs too.
    """
    use_token()
    config = training_config(name, overrides, directory)
    select_platform(config)
    problems = check(config, declared=declared)
    if problems:
        print(report(problems), file=sys.stderr)
    fatal = sum(problem.fatal for problem in problems)
    print(f"{name}: {'refused' if fatal else 'ready'}, {fatal} errors, {len(problems) - fatal} warnings")
    if plan and not list(values(config)):
        show(config, setup_from(config))
    return 2 if fatal else 0
