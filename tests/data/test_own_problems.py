"""Problems as people bring them: conversations, and columns beside them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.data.own import Row, answers, chat, prepared, write

ASKED = chat(("user", "1+1=?"))
EARLIER = chat(("user", "Let x=4."), ("assistant", "Noted."), ("user", "x+1=?"))
CHATS: dict[str, tuple[Row, list[Row]]] = {
    "a system message": ({"problem": chat(("system", "In base 2."), ("user", "1+1=?"))},
                         chat(("system", "In base 2."), ("user", "1+1=?"))),
    "earlier turns": ({"problem": EARLIER}, EARLIER),
    "the answer at the end": ({"problem": [*ASKED, {"role": "assistant", "content": "\\boxed{2}"}]}, ASKED),
    "a column of system messages": ({"problem": "1+1=?", "system": "In base 2."},
                                    chat(("system", "In base 2."), ("user", "1+1=?"))),
    "a system prompt beside messages": ({"problem": ASKED, "system_prompt": "Be brief."},
                                        chat(("system", "Be brief."), ("user", "1+1=?"))),
    "ShareGPT": ({"problem": [{"from": "system", "value": "Hi."}, {"from": "human", "value": "1+1=?"},
                              {"from": "gpt", "value": "2"}]}, chat(("system", "Hi."), ("user", "1+1=?"))),
    "parts": ({"problem": chat(("user", [{"type": "text", "text": "1+1"}, {"type": "text", "text": "=?"}]))},
              chat(("user", "1+1\n=?"))),
    "JSON as text": ({"problem": json.dumps(ASKED)}, ASKED),
    "Python as text": ({"problem": str(EARLIER)}, EARLIER),
    "NumPy as text": ({"problem": str(EARLIER).replace("}, {", "}\n {")}, EARLIER),
    "a wrapper": ({"problem": {"messages": EARLIER}}, EARLIER),
    "a rendered chat": ({"problem": "<|im_start|>system\nIn base 2.<|im_end|>\n<|im_start|>user\n1+1=?<|im_end|>\n"
                                    "<|im_start|>assistant\n"}, chat(("system", "In base 2."), ("user", "1+1=?"))),
    "a tool called after the question": (
        {"problem": [*ASKED, {"role": "assistant", "content": None, "tool_calls": [{}]}]}, ASKED),
    "one message": ({"problem": ASKED[0]}, ASKED),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHATS)
def test_a_conversation_stays_as_it_is(kind: str, tmp_path: Path):
    row, expected = CHATS[kind]
    (made,) = prepared(write(tmp_path / "a.jsonl", [{**row, "answer": "2"}]))
    assert made["prompt"] == expected
    assert made["extra_info"]["problem"] == expected[-1]["content"]


def test_messages_may_hold_the_answer_as_well(tmp_path: Path):
    rows = [{"messages": [*EARLIER, *chat(("assistant", "So \\boxed{5}."))]}, {"messages": chat(("user", ""))}]
    (made,) = prepared(write(tmp_path / "a.jsonl", rows), "--prompt-field", "messages", "--answer-field", "messages")
    assert (made["prompt"], made["reward_model"]["ground_truth"]) == (EARLIER, "5")


LETTERED = "Which?\nA. 4\nB. 7"
BESIDE: dict[str, tuple[Row, str]] = {
    "options": ({"problem": "Which?", "options": ["4", "7"], "answer": "B"}, LETTERED),
    "options by letter": ({"problem": "Which?", "choices": {"A": "4", "B": "7"}, "answer": "A, B"}, LETTERED),
    "options and their labels": (
        {"problem": "Which?", "choices": {"text": ["4", "7"], "label": ["A", "B"]}, "answer": "B"}, LETTERED),
    "labelled options": ({"problem": "Which?", "options": [{"label": "A", "text": "4"}, {"label": "B", "text": "7"}],
                          "answer": "(B)"}, LETTERED),
    "a column an option": ({"problem": "Which?", "opa": "4", "opb": "7", "opc": None, "answer": "7"}, LETTERED),
    "columns of letters": ({"problem": "Which?", "A": "4", "B": "7", "C": "9", "answer": "C"}, f"{LETTERED}\nC. 9"),
    "options that it shows already": (
        {"problem": "Which? (A) 4 (B) 7", "option_a": "4", "option_b": "7", "answer": "B"}, "Which? (A) 4 (B) 7"),
    "numbers for labels": ({"problem": "Which?", "choices": {"text": ["4", "7"], "label": ["1", "2"]}, "answer": "2"},
                           "Which?\n1. 4\n2. 7"),
    "labelled texts": ({"problem": "Which?", "options": ["A)4", "(B) 7"], "answer": "b"}, LETTERED),
    "one text": ({"problem": "Which?", "options": "a ) 4 , b ) 7", "answer": "The answer is (B)."}, LETTERED),
    "a letter in LaTeX": ({"problem": "Which?", "endings": ["4", "7"], "answer": "$\\text{(B)}$"}, LETTERED),
    "a small letter in brackets": ({"problem": "Which?", "options": ["4", "7"], "answer": "(b)"}, LETTERED),
    "columns that only look so": ({"problem": "a?", "A": "4", "B": "7", "answer": "2"}, "a?"),
    "options of something else": ({"problem": "a?", "options": {"shuffle": True, "n": 2}, "answer": "2"}, "a?"),
    "choices of something else": ({"problem": "a?", "choices": [{"message": {"role": "x"}}] * 2, "answer": "B"}, "a?"),
    "more options than letters": ({"problem": "a?", "options": [f"o{at}" for at in range(30)], "answer": "B"}, "a?"),
    "Alpaca's input": ({"problem": "Add.", "input": "4 and 9", "answer": "13"}, "Add.\n4 and 9"),
    "paragraphs": ({"problem": "How many?", "Context": ["Tom has 3.", "Ann has 4."], "answer": "7"},
                   "Tom has 3.\nAnn has 4.\nHow many?"),
    "a level and a type of another kind": ({"problem": "a?", "level": {"x": 1}, "type": ["A"], "answer": "3"}, "a?"),
    "a passage": ({"problem": "How many?", "context": "Tom has 3.", "answer": "3"}, "Tom has 3.\nHow many?"),
}  # fmt: skip
CHANGED = {
    "HTML twice": ("Is a &amp;lt; b?", "Is a < b?"),
    "HTML": ("<p>If x<sup>2</sup>&gt;1 &amp;&nbsp;a<b,<br/>x?</p>", "If x^{2}>1 & a<b,\nx?"),
    "an encoding": ("Half of 3\u00c2\u00bd \u00e2\u201a\u00ac?", "Half of 3½ €?"),
    "codes": (r"\u6c42x\ud83d\ude00?", "求x😀?"),
    "line breaks": (
        r"Which?\n\nA) $2 \nRightarrow 3$\nB) $a \neq b$",
        "Which?\n\nA) $2 \\nRightarrow 3$\nB) $a \\neq b$",
    ),
    "backslashes": (r"Find $\\frac{1}{2}+\\sqrt{4}$.", r"Find $\frac{1}{2}+\sqrt{4}$."),
    "signs without width": ("\ufeffx\u200b\u00ad \u202a\u200f+1\u202c?", "x +1?"),
    "nothing": (r"$\begin{pmatrix}1\\\sqrt{2}\end{pmatrix}$, 1 & 2, «é», $\nu$", None),
}


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@pytest.mark.parametrize("kind", BESIDE)
def test_a_problem_shows_what_stands_beside_it(kind: str, suffix: str, tmp_path: Path):
    row, expected = BESIDE[kind]
    (made,) = prepared(write(tmp_path / f"a.{suffix}", [row]))
    assert made["prompt"] == chat(("user", expected))
    assert "<" not in made["reward_model"]["ground_truth"]


@pytest.mark.parametrize("kind", CHANGED)
def test_text_that_was_changed_on_its_way_is_read_as_it_was_meant(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    text, meant = CHANGED[kind]
    (made,) = prepared(write(tmp_path / "a.jsonl", [{"problem": text, "answer": "2"}]))
    assert made["extra_info"]["problem"] == (meant or text)
    assert ("note: 1 problems or answers had" in capsys.readouterr().out) == (meant is not None)


TOLD: dict[str, tuple[list[Row], list[str], list[str]]] = {
    "lost signs, and a picture that is missing": (
        [{"problem": "What is \ufffd+1?", "answer": "2"}, {"problem": "Find x in the figure below.", "answer": "3"}],
        ["3"],
        ["broken text", "1 problems speak of a picture, and there is none"]),
    "what differs before the problem alone": (
        [{"problem": "1+1=?", "system": f"In base {n}.", "answer": answer} for n, answer in ((2, "10"), (9, "2"))],
        ["10", "2"],
        []),
    "columns of pictures without any": (
        [{"problem": "x?", "answer": "4", "image": None, "images": [], "figure": "of speech"}], ["4"], []),
    "a linked picture": (
        [{"problem": "In the figure ![](https://x/a.png), x?", "answer": "4"}, {"problem": "y?", "answer": "5"}],
        ["5"],
        []),
    "what is not shown": (
        [{"problem": "$frac{x}{1}$?", "answer": "4", "context": {"titles": ["a"]}, "split": "test"}],
        ["4"],
        ["1 problems have formulas with a command, such as frac{1}{2}, that lost its backslash",
         "that is no text, and is not shown", "of the split 'test' by their column"]),
    "a letter whose options are not there": (
        [{"problem": "Which (A) or (B)?", "answer": "B"}, {"problem": "Which?", "ending0": "x", "answer": "(B)"},
         {"problem": "How many?", "options": ["4", "7"], "answer": "11"}],
        ["B", "(B)", "11"],
        ["2 answers are a letter, or rows have options, and the problem shows none with letters (first: row 1"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", TOLD)
def test_what_is_kept_and_what_is_told_of_it(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rows, kept, notes = TOLD[kind]
    assert answers(write(tmp_path / "a.jsonl", rows)) == kept
    said = capsys.readouterr().out
    assert all(note in said for note in notes), said


def test_options_are_found_beside_the_stem_of_a_question(tmp_path: Path):
    choices = [{"label": "A", "text": "4"}, {"label": "B", "text": "7"}]
    rows = [{"question": {"stem": "Which?", "choices": choices}, "answer": "B"}]
    (made,) = prepared(write(tmp_path / "a.jsonl", rows), "--prompt-field", "question.stem")
    assert made["prompt"] == chat(("user", LETTERED))


DOTTED: dict[str, tuple[Row, list[str]]] = {
    "a field": ({"meta": {"problem": "1+1=?", "answer": "2"}}, ["meta.problem", "meta.answer"]),
    "a column's own name": ({"meta.problem": "1+1=?", "meta.answer": "2"}, ["meta.problem", "meta.answer"]),
    "a field of a dotted column": ({"a.b": {"q": "1+1=?", "c.d": "2"}}, ["a.b.q", "a.b.c.d"]),
    "a field of printed text": ({"meta": "{'problem': '1+1=?', 'answer': {'value': '2', 'unit': 'm'}}"},
                                ["meta.problem", "meta.answer.value"]),
}  # fmt: skip


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@pytest.mark.parametrize("kind", DOTTED)
def test_dotted_names_reach_fields_and_columns(kind: str, suffix: str, tmp_path: Path):
    row, (problem, answer) = DOTTED[kind]
    path = write(tmp_path / f"a.{suffix}", [row])
    assert answers(path, "--prompt-field", problem, "--answer-field", answer) == ["2"]


def test_lists_of_turns_have_their_places_for_columns(tmp_path: Path, refused: Callable[..., str]):
    turns = [{"from": "human", "value": "1+1=?"}, {"from": "assistant", "ground_truth": {"value": "2"}}]
    path = write(tmp_path / "a.json", json.dumps([turns]))
    assert answers(path, "--prompt-field", "0.value", "--answer-field", "1.ground_truth.value") == ["2"]
    said = refused("data", "prepare", path, "--out", tmp_path, "--answer-field", "problem")
    assert "answer-field=problem: it is the problem's column" in said
