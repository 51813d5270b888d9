"""The answers of an evaluation as one HTML page: problems with pass@k, majority and the verdict on each answer."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dgpo.errors import UserError
from dgpo.evaluation.benchmarks import Problem
from dgpo.evaluation.figures import Evaluation, read_evaluation, votes
from dgpo.evaluation.generations import Generation, generations_file, read_generations
from dgpo.evaluation.score import Score, saved_problems
from dgpo.evaluation.statistics import majority_at_k
from dgpo.runs import html
from dgpo.runs.html import clipped, first_fitting, question_of, shown_answer, shown_group


def write_page(folder: Path, out: Path | None = None, *, prompt: str | None = None, limit: int = 500) -> Path:
    """Write the page to ``out``, by default ``rollouts.html`` in the folder; returns the file.

    Args:
        prompt: show only problems with this text in their prompt.
        limit: most answers to show; problems are shown whole, in the order of the benchmarks.

    Raises:
        UserError: the folder is not scored, no problem matches, or the page cannot be written.
    """
    evaluation = read_evaluation(folder, folder.resolve().name)
    problems = _problems(evaluation, prompt)
    built = (_group(*each, evaluation.scoring["mode"]) for each in problems)  # with explanations, which take long
    groups, complete = first_fitting(built, limit)
    if not groups:
        condition = "" if prompt is None else f" with the prompt {prompt!r}"
        raise UserError(f"{folder}: there is no problem{condition}; leave out --prompt")
    left = 0 if complete else 1 + sum(1 for _ in problems)
    answers = sum(len(each["answers"]) for each in groups)
    means = "; ".join(f"{name}: {100 * each.avg.value:.1f} %" for name, each in evaluation.benchmarks.items())
    content = {
        "kind": "evaluation",
        "name": evaluation.name,
        "summary": f"{len(groups)} problems with {answers} answers; accuracy, {means}",
        "note": f"Problems that are not in this page: {left}; --prompt and --limit choose others." if left else "",
        "curves": [],
        "methods": {},
        "steps": [{"step": 0, "groups": groups}],
    }
    return html.write_page(out or folder / "rollouts.html", content)


def _problems(
    evaluation: Evaluation, prompt: str | None
) -> Iterator[tuple[str, Problem, Sequence[Generation], Sequence[Score]]]:
    """Each problem with a text in its prompt, behind its benchmark, with its answers and their scores."""
    for name, facts in evaluation.settings.benchmarks.items():
        problems = {problem.id: problem for problem in saved_problems(evaluation.folder, name, facts)}
        texts: dict[str, list[Generation]] = defaultdict(list)
        file = generations_file(evaluation.folder, name)
        for each in read_generations(file, problems, evaluation.settings.sampling.samples):
            texts[each["id"]].append(each)
        for key, problem in problems.items():
            if prompt is None or prompt.lower() in question_of(problem.messages).lower():
                yield name, problem, texts[key], evaluation.scores[name][key]


def _group(
    name: str, problem: Problem, texts: Sequence[Generation], scores: Sequence[Score], mode: str
) -> dict[str, Any]:
    """What the page's script draws of a problem."""
    of_sample = {score["sample"]: score for score in scores}
    generations = sorted(texts, key=lambda each: each["sample"])
    answers = [_answer(each, of_sample[each["sample"]], problem.ground_truth, mode) for each in generations]
    return shown_group(problem.messages, problem.ground_truth, answers, source=name, summary=_summary(scores))


def _summary(scores: Sequence[Score]) -> str:
    right, wrong, without = votes(scores)
    majority = majority_at_k(right, wrong, without, len(scores))
    size = Counter(score["answer_class"] for score in scores)
    most = max((each for each in scores if each["answer"]), key=lambda each: size[each["answer_class"]], default=None)
    voted = "" if most is None else f", most gave “{most['answer']}” ({size[most['answer_class']]})"
    return f"pass@{len(scores)} {int(right > 0)}, majority {100 * majority:.0f} %{voted}"


def _answer(generation: Generation, score: Score, gold: str, mode: str) -> dict[str, Any]:
    said = {"reason": score["reason"], "stage": score["stage"], "pred": score["answer"]}
    return shown_answer(
        said,
        generation["text"],
        gold,
        mode,
        right=score["correct"],
        truncated=generation["finish_reason"] == "length",
        length=generation["response_tokens"],
        text=clipped(generation["text"]),
    )
