"""The one exception that the evaluation commands show to a person."""


class EvalError(ValueError):
    """The evaluation cannot go on; the message names the option or file, its value and what to do."""
