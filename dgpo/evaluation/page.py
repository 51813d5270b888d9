"""The answers of an evaluation as one HTML page: problems with pass@k, majority and the verdict on each answer."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dgpo.errors import UserError
from dgpo.evaluation.benchmarks import Problem
from dgpo.evaluation.figures import read_evaluation, votes
from dgpo.evaluation.generations import Generation, generations_file, read_generations
from dgpo.evaluation.score import Score, saved_problems
from dgpo.evaluation.statistics import majority_at_k
from dgpo.runs import html
from dgpo.runs.html import clipped, question_of, shown_messages
from dgpo.runs.verdicts import explanation_rows, verdict_sentence

PAGE_CHARS = 6_000_000


def write_page(folder: Path, out: Path | None = None, *, prompt: str | None = None, limit: int = 500) -> Path:
    """Write the page to ``out``, by default ``rollouts.html`` in the folder; returns the file.

    Args:
        prompt: show only problems with this text in their prompt.
        limit: most answers to show; problems are shown whole, in the order of the benchmarks.

    Raises:
        UserError: the folder is not scored, no problem matches, or the page cannot be written.
    """
    evaluation = read_evaluation(folder, folder.resolve().name)
    groups: list[dict[str, Any]] = []
    answers = chars = left = 0
    for name, facts in evaluation.settings.benchmarks.items():
        problems = {problem.id: problem for problem in saved_problems(folder, name, facts)}
        texts: dict[str, dict[int, Generation]] = defaultdict(dict)
        for each in read_generations(generations_file(folder, name), problems, evaluation.settings.sampling.samples):
            texts[each["id"]][each["sample"]] = each
        for key, problem in problems.items():
            if prompt is not None and prompt.lower() not in question_of(problem.messages).lower():
                continue
            size = sum(len(each["text"]) for each in texts[key].values())
            if groups and (answers + len(texts[key]) > limit or chars + size > PAGE_CHARS):
                left += 1
                continue
            groups.append(_group(name, problem, texts[key], evaluation.scores[name][key], evaluation.scoring["mode"]))
            answers, chars = answers + len(texts[key]), chars + size
    if not groups:
        condition = "" if prompt is None else f" with the prompt {prompt!r}"
        raise UserError(f"{folder}: there is no problem{condition}; leave out --prompt")
    means = "; ".join(f"{name}: {100 * each.avg.value:.1f} %" for name, each in evaluation.benchmarks.items())
    content = {
        "kind": "evaluation",
        "name": evaluation.name,
        "summary": f"{len(groups)} problems with {answers} answers; accuracy, {means}",
        "note": f"Problems that are not in this page: {left}; --prompt and --limit choose others." if left else "",
        "reasons": sorted({answer["reason"] for group in groups for answer in group["answers"]}),
        "curves": [],
        "methods": {},
        "steps": [{"step": 0, "groups": groups}],
    }
    return html.write_page(out or folder / "rollouts.html", content)


def _group(
    name: str, problem: Problem, texts: Mapping[int, Generation], scores: Sequence[Score], mode: str
) -> dict[str, Any]:
    right, wrong, without = votes(scores)
    majority = majority_at_k(right, wrong, without, len(scores))
    size = Counter(score["answer_class"] for score in scores)
    most = max((each for each in scores if each["answer"]), key=lambda each: size[each["answer_class"]], default=None)
    voted = "" if most is None else f", most gave “{most['answer']}” ({size[most['answer_class']]})"
    by_sample = {score["sample"]: score for score in scores}
    return {
        "prompt": shown_messages(problem.messages),
        "question": clipped(question_of(problem.messages)),
        "gold": clipped(problem.ground_truth),
        "source": name,
        "summary": f"pass@{len(scores)} {int(right > 0)}, majority {100 * majority:.0f} %{voted}",
        "answers": [_answer(texts[i], by_sample[i], problem.ground_truth, mode) for i in sorted(texts)],
    }


def _answer(generation: Generation, score: Score, gold: str, mode: str) -> dict[str, Any]:
    verdict = {"reason": score["reason"], "stage": score["stage"], "pred": score["answer"]}
    return {
        "right": score["correct"],
        "reason": score["reason"],
        "words": verdict_sentence(verdict, gold),
        "judged": explanation_rows(verdict, generation["text"], gold, mode),
        "truncated": generation["finish_reason"] == "length",
        "length": generation["response_tokens"],
        "text": clipped(generation["text"]),
    }
