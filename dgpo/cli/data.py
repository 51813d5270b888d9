"""``dgpo data`` and ``dgpo model``."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from dgpo.cli.several import SeveralValues
from dgpo.errors import UserError

app = typer.Typer()
data = typer.Typer(help="training sets, benchmarks and your own files as prompts", no_args_is_help=True)
app.add_typer(data, name="data")
model = typer.Typer(help="the small model of the quick start", no_args_is_help=True)
app.add_typer(model, name="model")

Levels = Annotated[
    list[int],
    typer.Option(metavar="LEVEL...", help="1, 2, 3: two numbers of 2, 3, 4 digits; 4, 5: three of 2, 3 digits"),
]


def panel(name: str) -> Callable[..., Any]:
    """A function that makes options which the help shows together under a name."""
    return lambda help, metavar=None, *flags: typer.Option(*flags, metavar=metavar, help=help, rich_help_panel=name)


where, own, which = map(panel, ("where the rows are", "your own file", "which rows are written, and how"))


@data.command("arithmetic", cls=SeveralValues)
def data_arithmetic(
    out: Annotated[Path, typer.Option(metavar="DIR", help="folder for the three parquet files")],
    train: Annotated[int, typer.Option(help="number of training problems")] = 4096,
    validation: Annotated[int, typer.Option(help="number of validation problems")] = 64,
    test: Annotated[int, typer.Option(help="number of test problems")] = 128,
    levels: Levels = [1, 2, 3],  # noqa: B006
    seed: int = 0,
    misconceptions: Annotated[
        bool,
        typer.Option("--misconceptions", help="also write a teacher's misconceptions, for `dgpo model warm-start`"),
    ] = False,
) -> None:
    """Write the quick start's problems."""
    from dgpo.data.sources.arithmetic import write_splits
    from dgpo.tasks.misconceptions import write

    paths = write_splits(out, train=train, validation=validation, test=test, levels=levels, seed=seed)
    for path, count in zip(paths, (train, validation, test), strict=True):
        print(f"{path}: {count} problems")
    if misconceptions:
        print(write(out / "misconceptions.json", seed))


@data.command("env")
def data_env(
    id: Annotated[str, typer.Option(help="id in Gymnasium: FrozenLake-v1, or package:Id-v0 of an installed package")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="folder for train.parquet and validation.parquet")],
    tasks: Annotated[int, typer.Option(help="number of training tasks")] = 512,
    validation: Annotated[int, typer.Option(help="number of validation tasks")] = 96,
    seed: int = 0,
    kwargs: Annotated[str, typer.Option(metavar="JSON", help="options of the environment")] = "{}",
    games: Annotated[Path | None, typer.Option(metavar="DIR", help="folder of games, of TextWorld or ALFWorld")] = None,
    prompt: Annotated[str, typer.Option(help="system message before the first observation")] = "",
) -> None:
    """Write tasks of a text environment, for an agent to train on (docs/agents.md)."""
    from dgpo.data.environments import write_tasks

    counts = {"tasks": tasks, "validation": validation}
    for path in write_tasks(out, id, **counts, seed=seed, kwargs=kwargs, games=games, prompt=prompt):
        print(path)


@data.command("list")
def data_list() -> None:
    """Show the data sets that can be prepared, and facts about them."""
    from dgpo.data.sources import SOURCES
    from dgpo.data.sources.source import table_of

    table_of(SOURCES.values()).show()


@data.command("prepare", cls=SeveralValues)
def data_prepare(
    data: Annotated[
        str,
        typer.Argument(
            metavar="NAME_OR_FILE",
            help="one of `dgpo data list`; or a file (parquet, Arrow, JSON, JSON lines, CSV), a folder, or a hub id; "
            "or rows to be forgotten: tofu-forget01, -05, -10, muse-news, muse-books",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="folder for NAME.parquet and NAME.manifest.json")],
    name: Annotated[str, typer.Option(help="another name for the files and their data_source")] = "",
    origin: Annotated[Path | None, where("file or folder with the data, instead of the hub", "PATH", "--from")] = None,
    hub_id: Annotated[str, where("another copy on the hub; `dgpo data list` shows them", "ORG/NAME")] = "",
    revision: Annotated[str, where("commit, branch or tag on the hub (default: the newest)")] = "",
    split: Annotated[str, where("split of the source (default: its first)")] = "",
    prompt_field: Annotated[str, own("the problem: text, or chat messages; a.b is a field of a struct", "COLUMN")] = "",
    answer_field: Annotated[str, own("the answer (default: answer)", "COLUMN")] = "",
    id_field: Annotated[str, own("the id of a problem (default: id, if it exists)", "COLUMN")] = "",
    purpose: Annotated[
        Literal["train", "benchmark"] | None, own("train (default), or benchmark: then others are compared with it")
    ] = None,
    template: Annotated[str, which("r1, none, or a text with {problem} in it (default: the source's)")] = "",
    any_answer: Annotated[
        bool, which("a list of answers has spellings of one answer: take the first", None, "--any-answer")
    ] = False,
    keep_conflicts: Annotated[
        bool, which("if copies disagree, keep the answer of most rows", None, "--keep-conflicts")
    ] = False,
    max_prompt_chars: Annotated[int | None, which("drop longer user messages", "N")] = None,
    max_prompt_tokens: Annotated[int | None, which("drop longer prompts; needs --tokenizer", "N")] = None,
    tokenizer: Annotated[Path | None, which("model folder, to count tokens with its chat template", "DIR")] = None,
    decontaminate: Annotated[list[Path] | None, which("drop problems of these files or folders", "PATH...")] = None,
    near: Annotated[float | None, which("drop problems at least this similar to a benchmark's (0.7)", "S")] = None,
    limit: Annotated[int | None, which("keep at most so many problems, drawn at random", "N")] = None,
    seed: Annotated[int | None, which("seed of --limit, and of arithmetic (0)")] = None,
    levels: Annotated[list[int] | None, which("for arithmetic: how hard the sums are (1 2 3)", "LEVEL...")] = None,
    spans: Annotated[Path | None, which("for TOFU and MUSE: file with target_words", "FILE")] = None,
) -> None:
    """Write a data set, or your own file, as a prompt file with a manifest; TOFU and MUSE as a folder of rows."""
    options = dict(locals())
    from dgpo.data.options import Options
    from dgpo.data.prepare import prepare
    from dgpo.data.sources.forgetting import ROW_SETS, prepare_rows
    from dgpo.progress import interruptible

    if data in ROW_SETS:
        read = {"data", "out", "origin", "revision", "spans"}
        for key in [key for key, value in options.items() if key not in read and value not in (None, "", False)]:
            option = f"--{key.replace('_', '-')}={options[key]}"
            raise UserError(f"{option}: the rows of {data} are written as they are; leave it out")
        prepare_rows(data, out, origin, revision, spans).show()
    elif options.pop("spans"):
        raise UserError(f"--spans={spans}: it is for TOFU and MUSE; leave it out")
    else:
        with interruptible(f"{out} is as it was"):
            prepared = prepare(Options(**options))
        prepared.table().show()


@data.command("check")
def data_check(files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="parquet file of prompts")]) -> None:
    """Check prompt files for training and evaluation. Exit status 1 if one has a fault."""
    from dgpo.data.check import Examination

    findings = [Examination(path) for path in files]
    print("\n".join(each.text() for each in findings))
    raise typer.Exit(any(each.faults for each in findings))


@model.command("small")
def model_small(
    out: Annotated[Path, typer.Option(metavar="DIR", help="folder for the model and its tokenizer")],
    seed: Annotated[int, typer.Option(help="seed of the weights")] = 0,
    hidden_size: Annotated[int, typer.Option(help="a multiple of the head size")] = 128,
    layers: int = 4,
    head_size: Annotated[int, typer.Option(help="one that vLLM supports on a CPU")] = 32,
) -> None:
    """Make the quick start's model: a small Qwen2 with random weights."""
    from dgpo.tasks.small_model import create

    path, parameters = create(out, seed, hidden_size=hidden_size, layers=layers, head_size=head_size)
    print(f"{path}: {parameters:,} parameters")


@model.command("warm-start", cls=SeveralValues)
def model_warm_start(
    model: Annotated[Path, typer.Option(metavar="DIR", help="initial model, from `dgpo model small`")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="folder for the trained model")],
    seed: Annotated[int, typer.Option(help="seed of problems, noise and their order")] = 0,
    steps: Annotated[int, typer.Option(help="optimiser steps")] = 450,
    batch_size: Annotated[int, typer.Option(help="worked answers a step")] = 64,
    learning_rate: Annotated[float, typer.Option(help="highest learning rate")] = 2e-3,
    noise: Annotated[float, typer.Option(help="chance that a column is wrong")] = 0.15,
    misconceptions: Annotated[
        Path | None, typer.Option(metavar="FILE", help="the teacher's misconceptions, from `dgpo data arithmetic`")
    ] = None,
    levels: Levels = [1, 2, 3],  # noqa: B006
    eval_problems: Annotated[int, typer.Option(help="held-out problems")] = 384,
) -> None:
    """Teach the small model the arithmetic task with a noisy teacher, before reinforcement learning."""
    from dgpo.tasks.misconceptions import read
    from dgpo.tasks.warm_start import WarmStart, warm_start

    lessons = WarmStart(
        seed=seed,
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        noise=noise,
        misconceptions=read(misconceptions) if misconceptions else None,
        levels=tuple(levels),
        eval_problems=eval_problems,
    )
    print(trained(out, warm_start(model, out, lessons), f"accuracy on {eval_problems} held-out problems"))


@model.command("warm-start-lake")
def model_warm_start_lake(
    model: Annotated[Path, typer.Option(metavar="DIR", help="initial model, from `dgpo model small`")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="folder for the trained model")],
    seed: Annotated[int, typer.Option(help="seed of maps, noise and their order")] = 0,
    steps: Annotated[int, typer.Option(help="optimiser steps")] = 300,
    noise: Annotated[float, typer.Option(help="chance that the teacher takes a random step")] = 0.4,
) -> None:
    """Teach the small model to cross FrozenLake maps with a noisy teacher, before reinforcement learning."""
    from dgpo.tasks.lake import LakeLessons
    from dgpo.tasks.warm_start import warm_start

    lessons = LakeLessons(seed=seed, steps=steps, noise=noise)
    told = trained(out, warm_start(model, out, lessons), f"success on {lessons.eval_problems} held-out maps")
    print(f"{told}; of the rule 'towards the goal unless a hole is there' 0.5, by choice of the maps")


def trained(out: Path, summary: dict[str, Any], measured: str) -> str:
    """A line on a warm start, with what its accuracy is of."""
    accuracy = "{sampled:.3f} sampled at temperature 1, {greedy:.3f} greedy".format(**summary["accuracy"])
    return f"{out}: trained in {summary['train_seconds']:.0f} s; {measured}: {accuracy}"
