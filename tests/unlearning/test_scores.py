"""What is measured of a model: on one that knows one row by heart, and nothing else."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from dgpo.cli import main
from dgpo.errors import UserError
from dgpo.unlearning.data import Encoder, Row, read
from dgpo.unlearning.evaluate import Options, evaluate, figures_of, leaked, muse_figures, refuse_others, relearnt
from dgpo.unlearning.scores import Scorer, rouge_l

QUESTION = {"question": "Who?", "answer": "Ada."}


@pytest.fixture(scope="module")
def rows(world: Path) -> list[Row]:
    return read(world / "runs/unlearning/data-0/forget.jsonl", needs_spans=True)


def scorer_of(world: Path, **settings: Any) -> Scorer:
    folder = world / "runs/unlearning/full-0/hf"
    encoder = Encoder(AutoTokenizer.from_pretrained(folder))
    return Scorer(AutoModelForCausalLM.from_pretrained(folder).eval(), encoder, **settings)


@pytest.fixture(scope="module")
def scorer(world: Path, rows: list[Row]) -> Scorer:
    """A model that has been trained on the sixth row, a book's title, until it knows it."""
    scorer = scorer_of(world)
    example = scorer.encoder.example(rows[5])[0]
    optimiser = torch.optim.Adam(scorer.model.parameters(), lr=3e-3)
    for _ in range(40):
        ids = torch.tensor([example.ids])
        labels = torch.where(torch.tensor([example.classes]) != 0, ids, -100)
        scorer.model(input_ids=ids, labels=labels).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    return scorer


def test_scores_do_not_depend_on_the_rows_beside(world: Path, rows: list[Row]) -> None:
    together, alone = (scorer_of(world, batch_size=size).answers(rows) for size in (16, 1))
    for one, other in zip(together, alone, strict=True):
        assert one.log_probs == pytest.approx(other.log_probs, abs=1e-4) and one.labels == other.labels
    encoder = scorer_of(world).encoder
    text = encoder.tokenizer.decode(together[0].labels)
    assert text == rows[0].answer and len(together[0].log_probs) == len(together[0].labels) + 1


def test_a_row_that_is_known_leaks_and_is_recited(scorer: Scorer, rows: list[Row]) -> None:
    (scored,) = scorer.answers([rows[5]])
    assert scored.loss < 0.1 and scored.predicted == scored.labels
    (text,) = scorer.greedy([rows[5]])
    assert text == rows[5].answer and leaked(rows[5], text) == 1 and rouge_l(rows[5].answer, text) == (1, 1)
    assert scorer.recited(rows[5], 1) == 1
    # Nothing follows all of the tokens.
    assert scorer.recited(rows[5], 99) is None


def test_muse_s_figures_are_of_what_comes_next(scorer: Scorer, rows: list[Row], tmp_path: Path) -> None:
    chat = scorer.encoder.tokenizer.decode(scorer.encoder.prompt(rows[5].prompt))
    (tmp_path / "verbmem.jsonl").write_text(json.dumps({"prompt": chat, "gt": rows[5].answer}) + "\n")
    assert muse_figures(scorer, tmp_path, "verbmem")["verbmem"] == [1]
    for name in ("knowmem_forget", "knowmem_forget_icl"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(QUESTION) + "\n")
    (score,) = muse_figures(scorer, tmp_path, "knowmem_forget")["knowmem_forget"]
    assert 0 <= score <= 1


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"verbmem": [{"text": "a", "gt": "b"}]}, "verbmem.jsonl, row 1: prompt is no text"),
        ({"verbmem": [{"prompt": "a", "gt": 2}]}, "verbmem.jsonl, row 1: gt is no text"),
        ({"verbmem": []}, "verbmem.jsonl: it has no rows"),
        ({"knowmem_forget": [{"question": "a?", "answer": ["b"]}]}, "row 1: answer is no text"),
        ({"knowmem_forget": [QUESTION], "knowmem_forget_icl": [{"q": "a"}]}, "icl.jsonl, row 1: question is no text"),
        (
            {"retain_eval": [QUESTION | {"perturbed_answer": ["c"], "paraphrased_answer": 3}]},
            "paraphrased_answer is no",
        ),
        ({"holdout": [{"text": "a"}]}, "holdout.jsonl, row 1: it is one token"),
    ],
)
def test_rows_to_measure_by_that_are_no_texts_are_named(
    scorer: Scorer, tmp_path: Path, files: dict[str, list[dict[str, Any]]], says: str
) -> None:
    first = next(iter(files))
    for name, content in files.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in content))
    measure = muse_figures if "mem" in first else figures_of
    with pytest.raises(UserError, match=re.escape(says)):
        measure(scorer, tmp_path, first)


def test_a_text_answers_no_question(scorer: Scorer, tmp_path: Path) -> None:
    (tmp_path / "forget.jsonl").write_text(json.dumps({"text": "Ada was born in Rome.", "sensitive": ["Rome"]}) + "\n")
    figures = figures_of(scorer, tmp_path, "forget")
    assert {"recited", "loss"} <= figures.keys() and not {"rouge", "leaked"} & figures.keys()


def test_words_leak_whatever_their_letters_case(rows: list[Row]) -> None:
    word = rows[5].answer[slice(*rows[5].spans[0])]
    assert leaked(rows[5], f"It is {word.upper()}!") == 1 and leaked(rows[5], "It is not known.") == 0
    assert leaked(Row((), "Yes.", (), "", ""), "Yes.") is None


def test_relearning_tells_what_it_trained_on_from_what_it_did_not(world: Path, rows: list[Row]) -> None:
    scorer = scorer_of(world)
    before = [one.loss for one in scorer.answers(rows[:1])]
    found = relearnt(scorer, rows, Options(relearn_lr=1e-3, relearn_steps=3))
    assert [value is None for value in found] == [number % 5 == 0 for number in range(len(rows))]
    assert scorer.answers(rows[:1])[0].loss < before[0]


def test_rouge_is_the_longest_common_subsequence_of_words() -> None:
    assert rouge_l("A B C D", "D C B A") == (0.25, 0.25)
    assert rouge_l("Paris", "The tower is located in Paris, France.") == pytest.approx((1, 0.25))
    assert rouge_l("The author's name is Hina Ameen.", "") == (0, 0)


@pytest.mark.parametrize(
    ("reference", "text", "stemmed", "whole"),
    [
        ("Skies over dying cities", "the dying sky of a city", (1 / 2, 2 / 5), (1 / 4, 1 / 5)),
        (
            "Her novels were translated and honoured.",
            "The novel was a translation that honours her.",
            (1 / 2, 3 / 7),
            (1 / 6, 1 / 7),
        ),
    ],
)
def test_rouge_of_stems_is_what_rouge_score_finds(
    reference: str, text: str, stemmed: tuple[float, float], whole: tuple[float, float]
) -> None:
    assert rouge_l(reference, text, stemmed=True) == pytest.approx(stemmed)
    assert rouge_l(reference, text) == pytest.approx(whole)


def test_the_command_measures_and_reports(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dgpo.unlearning.world import make_model

    monkeypatch.chdir(world)
    here = Path("runs/unlearning")
    make_model(tmp_path / "retain", here / "data-0", seed=1)
    words = ["unlearn", "eval", str(here / "full-0"), "--data", str(here / "data-0"), "--out", str(tmp_path / "report")]
    words += ["--resamples", "20"]
    assert main([*words, "--retain", str(tmp_path / "retain"), "--relearn-lr", "1e-4"]) == 0
    report = json.loads((tmp_path / "report/report.json").read_text())
    assert report["retain"]["forget_quality"]["value"] == 1 and report["retain"]["ks_distance"]["value"] == 0
    assert {"relearnt", "recited", "leaked", "extracted", "privleak", "model_utility"} <= report["full-0"].keys()
    for metrics in report.values():
        assert all(each["low"] <= each["high"] for each in metrics.values())
    text = (tmp_path / "report/report.md").read_text()
    assert "forget_utility.png" in text and (tmp_path / "report/forget_utility.png").stat().st_size > 1000
    # Figures of rows stay, and no text of one.
    rows = read(here / "data-0/forget.jsonl")
    assert not [row for row in rows if row.answer in (tmp_path / "report/full-0.json").read_text()]
    # What is there is not measured again.
    shown = capsys.readouterr()
    assert "full-0: forget" in shown.err
    assert main([*words, "--retain", str(tmp_path / "report/retain.json")]) == 0
    assert "full-0: forget" not in capsys.readouterr().err
    result = json.loads((file := tmp_path / "report/full-0.json").read_text())
    file.write_text(json.dumps({**result, "weights": ["before the run went on"]}))
    assert main(words) == 0 and "full-0: it has other weights by now" in capsys.readouterr().err
    assert json.loads(file.read_text())["weights"] == result["weights"]


def test_a_result_of_another_model_or_data_or_way_is_not_taken_for_this_one() -> None:
    asked = {**asdict(Options()), "model": "runs/full-0", "data": "data-0"}
    saved = {"model": "runs/full-0", "data": "data-0", "options": asdict(Options(relearn_lr=0.1, batch_size=1))}
    refuse_others(Path("full-0.json"), saved, asked)
    for key, value in (("model", "other/full-0"), ("data", "data-1"), ("max_length", 64), ("relearn_lr", 0.2)):
        with pytest.raises(UserError, match=f"full-0.json: it was measured with {key}=.*, not {value}; --again"):
            refuse_others(Path("full-0.json"), saved, {**asked, key: value})


def test_wrong_answers_that_are_no_texts_are_refused_by_row(scorer: Scorer, rows: list[Row], tmp_path: Path) -> None:
    raw = [{"question": "Who?", "answer": "Ada.", "perturbed_answer": wrong} for wrong in (["Bob."], "Bob.")]
    (tmp_path / "forget.jsonl").write_text("".join(json.dumps(row) + "\n" for row in raw))
    with pytest.raises(UserError, match="row 2: perturbed_answer is no list of texts"):
        figures_of(scorer, tmp_path, "forget")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["runs/unlearning/data-0"], "no model, and no run"),
        (["nothing.json"], "nothing.json: it is no result"),
        (["a/hf", "b/hf"], "model=hf: two models are called so"),
        (["runs/unlearning/full-0", "--batch-size", "0"], "--batch-size"),
        (["runs/unlearning/full-0", "--relearn-lr", "nan"], "--relearn-lr=nan"),
    ],
)
def test_models_that_are_none_are_refused(
    words: list[str], message: str, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Any
) -> None:
    monkeypatch.chdir(world)
    with pytest.raises(UserError, match="there can be no such folder"):
        evaluate([], tmp_path, Path("runs/unlearning/data-0/forget.jsonl"), "", Options(), 1)
    assert message in refused("unlearn", "eval", *words, "--data", "runs/unlearning/data-0", "--out", tmp_path)


def test_a_loss_that_is_no_number_stays_so_in_a_saved_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = {"model": "broken", "files": {"forget": {"author": ["a"], "loss": [float("nan")]}}}
    monkeypatch.setattr("dgpo.unlearning.evaluate.measure", lambda *_: {**figures, "data": str(tmp_path)})
    for _ in range(2):
        evaluate(["broken"], tmp_path, tmp_path / "out", "", Options(), 1)
        assert "nan" in (tmp_path / "out/report.md").read_text()
