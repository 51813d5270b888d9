"""What a person can mend, told in one place."""


class UserError(Exception):
    """Input, config, file or machine that the person who gave the command can set right.

    The message begins with the key, option or file and its value, says what is wrong, and ends with the remedy:
    ``data.train_batch_size=0: it must be above 0; choose 32``. Every command prints it alone and exits with 2
    (`dgpo.cli.main`), so it is raised wherever such a thing is found and caught nowhere else.
    """


def one_line(error: BaseException) -> str:
    """What an exception of a library says, or its name, on a line of at most 200 characters."""
    return " ".join(str(error).split())[:200] or type(error).__name__
