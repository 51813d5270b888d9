"""``dgpo eval``."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from dgpo.errors import UserError
from dgpo.evaluation.settings import Engine, Sampling  # imports next to nothing

app = typer.Typer()
eval = typer.Typer(help="avg@k, pass@k and maj@k of models", no_args_is_help=True)
app.add_typer(eval, name="eval")


@eval.command("run")
def eval_run(
    model: Annotated[
        str, typer.Option(help="Hugging Face directory, hub id, run folder, or a checkpoint's global_step_N")
    ],
    benchmarks: Annotated[str, typer.Option(help="names, separated by commas: aime24,aime25,amc23")],
    out: Annotated[Path, typer.Option(help="folder of this evaluation")],
    revision: Annotated[str | None, typer.Option(help="commit, tag or branch of a hub model")] = None,
    data: Annotated[Path, typer.Option(help="folder of the benchmarks' prompt files")] = Path("data"),
    template: Annotated[
        str | None, typer.Option(help="prompt template with which the benchmarks must have been prepared")
    ] = None,
    samples: Annotated[int, typer.Option(help="answers to each problem")] = Sampling.samples,
    temperature: float = Sampling.temperature,
    top_p: float = Sampling.top_p,
    max_tokens: Annotated[int, typer.Option(help="longest response; a longer one is cut off")] = Sampling.max_tokens,
    seed: Annotated[int, typer.Option(help="the seed of each sample is derived from it")] = Sampling.seed,
    tensor_parallel_size: Annotated[int, typer.Option(help="GPUs of an engine")] = Engine.tensor_parallel_size,
    data_parallel_size: Annotated[
        int, typer.Option(help="engines, each with its own copy of the model")
    ] = Engine.data_parallel_size,
    gpu_memory_utilization: Annotated[
        float, typer.Option(help="share of each GPU's memory for vLLM")
    ] = Engine.gpu_memory_utilization,
    max_num_seqs: Annotated[int, typer.Option(help="samples that an engine computes at a time")] = Engine.max_num_seqs,
    max_model_len: Annotated[
        int | None, typer.Option(help="tokens of prompt and response; default: what the prompts need")
    ] = Engine.max_model_len,
    dtype: Annotated[
        Literal["auto", "float32", "bfloat16", "float16"], typer.Option(help="auto: the model's own")
    ] = "auto",
    enforce_eager: Annotated[
        bool, typer.Option(help="do not compile: slower, but figures depend on fewer settings")
    ] = Engine.enforce_eager,
) -> None:
    """Generate answers to benchmarks with vLLM, and save each as it finishes; the same command resumes."""
    from dgpo.evaluation.generate import evaluate
    from dgpo.progress import interruptible

    with interruptible(f"what was finished is in {out}, and the same command goes on"):
        evaluate(
            model=model,
            revision=revision,
            benchmarks=[name.strip() for name in benchmarks.split(",")],
            data=data,
            template=template,
            out=out,
            sampling=Sampling(samples=samples, temperature=temperature, top_p=top_p, max_tokens=max_tokens, seed=seed),
            engine=Engine(
                dtype=dtype,
                tensor_parallel_size=tensor_parallel_size,
                data_parallel_size=data_parallel_size,
                gpu_memory_utilization=gpu_memory_utilization,
                max_model_len=max_model_len,
                max_num_seqs=max_num_seqs,
                enforce_eager=enforce_eager,
            ),
        )
    print(f"{out}: all samples are there; score them with `dgpo eval score {out}`")


@eval.command("score")
def eval_score(
    folder: Annotated[Path, typer.Argument(help="an evaluation of `dgpo eval run`")],
    mode: Annotated[
        Literal["boxed", "answer", "extract"], typer.Option(help="where to look for the answer, as in `dgpo verify`")
    ] = "boxed",
    timeout: Annotated[float, typer.Option(help="seconds of processor time for an answer")] = 2.0,
    processes: Annotated[int | None, typer.Option(help="default: the cores, at most 12")] = None,
) -> None:
    """Score saved answers, without a GPU."""
    from dgpo.evaluation.score import score_folder
    from dgpo.progress import interruptible

    with interruptible(f"{folder} has no scores now, score it again"):
        counts = score_folder(folder, mode=mode, timeout=timeout, processes=processes)
    for name, count in counts.items():
        missing = count["expected"] - count["scored"]
        note = f"; {missing} samples are missing: run `dgpo eval run` again" if missing else ""
        print(f"{name}: {count['scored']} samples scored{note}")


@eval.command("report")
def eval_report(
    folders: Annotated[list[Path], typer.Argument(help="scored evaluations; each is compared with the first")],
    names: Annotated[
        str | None, typer.Option(help="names of the models, separated by commas; default: the folders' names")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="folder of the report; default: report/ in the first folder")] = None,
    k: Annotated[
        str | None,
        typer.Option(
            help="k of pass@k and maj@k beside the number of samples n, separated by commas; default: 1,2,4,..."
        ),
    ] = None,
    wandb: Annotated[
        str | None, typer.Option(metavar="PROJECT", help="also log to this W&B project, offline without a login")
    ] = None,
) -> None:
    """Compare evaluations in tables and pictures, with errors."""
    from dgpo.evaluation.report import report

    written = report(folders, names=names.split(",") if names else None, out=out, ks=_numbers(k), wandb_project=wandb)
    print(f"written: {written}/report.md, report.json and pictures")


def _numbers(text: str | None) -> list[int] | None:
    try:
        return text if text is None else [int(each) for each in text.split(",")]
    except ValueError as error:
        raise UserError(f"--k={text}: give whole numbers with commas between, such as 1,8,32") from error
