"""The command ``dgpo``: options and help here, all else in the rooms, which are imported when a command is called."""

import errno
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from dgpo.cli import data, evaluation, lab, runs, train, unlearn, verify
from dgpo.errors import UserError

app = typer.Typer(
    help="Reinforcement learning with verifiable rewards: DGPO and the losses it is compared with, on verl.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
_OF_THE_MACHINE = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG),
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.EIO, errno.ESTALE),
}
"""Why a file cannot be read or written that is no fault of the code."""
_AT_HOME = re.compile(r"\A(--[\w-]+=|)~/")
for module in (train, runs, data, evaluation, lab, unlearn, verify):
    app.add_typer(module.app)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that ``argv`` names (the process's arguments without it); its exit status.

    0 when done, 2 for what the person who called can mend, with one message, and what else a command's help says.
    """
    try:
        # Of `--out=~/data` a shell leaves the ~, and a folder of that name would be made.
        words = [_AT_HOME.sub(rf"\1{Path.home()}/", word) for word in (sys.argv[1:] if argv is None else argv)]
        for before, word in zip(["", *words], words, strict=False):
            if re.fullmatch(r"(--[\w-]+=)?\s*", word):
                place = word.strip() or (f"{before}=" if before.startswith("-") else "an argument")
                raise UserError(
                    f"{place}: it is empty, as an unset shell variable leaves it; give a value, or leave it out"
                )
        app(args=words, prog_name="dgpo")
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno not in _OF_THE_MACHINE:
            raise
        print(f"error: {error.filename or 'a file'}: {error.strerror}; change that, or give another", file=sys.stderr)
        return 2
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0
