"""The console script ``dgpo``: one command a module, imported when it is called."""

import importlib
import sys
from collections.abc import Sequence

COMMANDS = {
    ("train",): ("dgpo.training.train:main", "train a model"),
    ("check",): ("dgpo.config.checks.command:main", "check a config without starting anything"),
    ("plan",): (
        "dgpo.config.memory.command:main",
        "GPU memory that a config needs, and what to change if it is too much",
    ),
    ("report",): ("dgpo.runs.report:main", "table and picture of a run"),
    ("compare",): ("dgpo.runs.compare:main", "runs side by side: table and curves"),
    ("export",): ("dgpo.runs.export:main", "turn a checkpoint into a Hugging Face directory"),
    ("eval", "run"): ("dgpo.evaluation.run:main", "generate answers to benchmarks with vLLM"),
    ("eval", "score"): ("dgpo.evaluation.score:main", "score saved answers, without a GPU"),
    ("eval", "report"): ("dgpo.evaluation.report:main", "compare evaluations: table, pictures, errors"),
    ("data", "arithmetic"): ("dgpo.tasks.arithmetic:main", "write the quick start's problems"),
    ("data", "list"): ("dgpo.data.listing:main", "the data sets that can be prepared"),
    ("data", "prepare"): ("dgpo.data.prepare_command:main", "a data set, or your own file, as prompts with a manifest"),
    ("data", "check"): ("dgpo.data.check:main", "check prompt files"),
    ("model", "small"): ("dgpo.tasks.small_model:main", "make the quick start's model, untrained"),
    ("model", "warm-start"): ("dgpo.tasks.warm_start:main", "teach it with a noisy teacher"),
    ("verify",): ("dgpo.verifier.command:main", "check answers against ground truths; explain a verdict"),
    ("plot", "weights"): ("dgpo.losses.plot:main", "gradient weights of the losses"),
    ("plot", "distribution"): ("dgpo.runs.token_weights:main", "gradient weights of a run's tokens"),
}


def usage(group: Sequence[str] = ()) -> str:
    """The list of commands, a line each: all, or those that begin with the word of a group."""
    shown = {" ".join(words): text for words, (_, text) in COMMANDS.items() if words[: len(group)] == tuple(group)}
    width = max(map(len, shown))
    lines = [f"  dgpo {command:{width}}  {text}" for command, text in shown.items()]
    call = " ".join(["dgpo", *group, "COMMAND"])
    return "\n".join([f"usage: {call} ...", "", *lines, "", f"{call} --help tells more."])


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that ``argv`` begins with; its exit status, 2 where there is no such command."""
    words = list(sys.argv[1:] if argv is None else argv)
    group = words[:1] if any(len(names) > 1 and names[0] in words[:1] for names in COMMANDS) else []
    if words[len(group) :][:1] in ([], ["-h"], ["--help"]):
        print(usage(group))
        return 0
    for length in (2, 1):
        entry = COMMANDS.get(tuple(words[:length]))
        if entry is not None:
            module, function = entry[0].split(":")
            return getattr(importlib.import_module(module), function)(words[length:]) or 0
    print(f"dgpo: there is no command {' '.join(words[:2])!r}\n\n{usage(group)}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
