"""``dgpo check``: every problem of a config, with no cluster started."""

import argparse
import sys
from collections.abc import Sequence

from dgpo.config.checks import check, report
from dgpo.config.compose import ConfigError, add_arguments, compose_config, resolved, select_platform
from dgpo.config.memory.command import show
from dgpo.config.memory.setup import setup_from
from dgpo.config.memory.shape import PlanError
from dgpo.training.cluster import use_token


def main(argv: Sequence[str] | None = None) -> int:
    """Compose and check; 0 when a run may start, 2 when it would be refused."""
    parser = argparse.ArgumentParser(prog="dgpo check", description="Check a training config; start nothing.")
    add_arguments(parser)
    parser.add_argument(
        "--declared",
        action="store_true",
        help="for a run elsewhere: believe the config about GPUs, nodes and files, and look at none of them",
    )
    parser.add_argument("--plan", action="store_true", help="print the plan of GPU memory too, as dgpo plan does")
    arguments = parser.parse_intermixed_args(argv)
    use_token()
    try:
        config = resolved(compose_config(arguments.config_name, arguments.overrides, arguments.config_dir))
    except ConfigError as error:
        print(f"config {arguments.config_name}: {error}", file=sys.stderr)
        return 2
    select_platform(config)
    problems = check(config, declared=arguments.declared)
    if problems:
        print(report(problems), file=sys.stderr)
    fatal = sum(problem.fatal for problem in problems)
    print(
        f"{arguments.config_name}: {'refused' if fatal else 'ready'}, {fatal} errors, {len(problems) - fatal} warnings"
    )
    if arguments.plan:
        try:
            show(config, setup_from(config))
        except PlanError as error:
            print(error, file=sys.stderr)
            return 2
    return 2 if fatal else 0
