"""Rows as tokens with classes, the order in which they come, and what is refused of them."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgpo.errors import UserError
from dgpo.tasks.small_model import character_tokenizer
from dgpo.unlearning.data import Encoder, read, refuse_shared, rows_of_step
from dgpo.unlearning.losses import RETAIN
from dgpo.unlearning.palu import NONE, ORDINARY, PREFIX, REST


def rows_of(folder: Path, *rows: dict[str, Any], **settings: Any) -> Any:
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read(file, **settings)


def encoder(**settings: Any) -> Encoder:
    return Encoder(character_tokenizer(), **settings)


def test_tokens_of_a_row_have_the_classes_of_their_characters(tmp_path: Path) -> None:
    row = {"question": "Who?", "answer": "It was Ada Lovelace.", "sensitive": ["Ada Lovelace"]}
    (example,) = encoder().example(rows_of(tmp_path, row)[0], first_n=3)
    tokenizer = character_tokenizer()
    kinds: dict[int, str] = {}
    for token, kind in zip(example.ids, example.classes, strict=True):
        kinds[kind] = kinds.get(kind, "") + tokenizer.decode([token])
    assert kinds[NONE] == "<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n"
    assert kinds[PREFIX] == "Ada" and kinds[REST] == " Lovelace" and kinds[ORDINARY] == "It was .<|im_end|>"
    whole = encoder().example(rows_of(tmp_path, row)[0], kind=RETAIN)[0]
    assert set(whole.classes) == {NONE, RETAIN}


def test_a_chat_may_end_in_its_answer(tmp_path: Path) -> None:
    system, user = {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who?"}
    reply = {"role": "assistant", "content": "Ada."}
    chat, apart, both = rows_of(
        tmp_path,
        {"messages": [system, user, reply], "sensitive": ["Ada"]},
        {"messages": [system, user], "answer": "Ada.", "sensitive": ["Ada"]},
        {"messages": [user, reply, user], "answer": "Ada.", "sensitive": ["Ada"]},
    )
    assert (chat.prompt, chat.answer, chat.spans) == (apart.prompt, apart.answer, apart.spans)
    assert [each["role"] for each in both.prompt] == ["user", "assistant", "user"]


def test_a_template_takes_the_place_of_the_chat(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path, {"question": "Who {is} it?", "answer": "Ada."})
    tokenizer = character_tokenizer()
    assert tokenizer.decode(encoder(template="Q: {question}\nA: ").prompt(row.prompt)) == "Q: Who {is} it?\nA: "


def test_a_long_text_becomes_several_rows_and_a_long_answer_is_refused(tmp_path: Path) -> None:
    (text,) = rows_of(tmp_path, {"text": "abcdefghij", "sensitive": "all"})
    examples = encoder(max_length=4).example(text)
    assert [len(example.ids) for example in examples] == [4, 4, 2]
    # Nothing predicts the first token of a row.
    assert [example.classes[0] for example in examples] == [NONE] * 3 and examples[0].classes[1] == PREFIX
    (row,) = rows_of(tmp_path, {"question": "Who?", "answer": "Ada."})
    with pytest.raises(UserError, match=r"row 1: it has \d+ tokens; raise data.max_length=20"):
        encoder(max_length=20).example(row)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"answer": "Ada."}, "only answer"),
        ({"question": "Who?", "text": "Ada."}, "question and text"),
        ({"question": " ", "answer": "Ada."}, "question=' ' is no text"),
        ({"question": "Who?"}, "answer=None is no text"),
        ({"messages": [{"role": "assistant", "content": "Hm."}], "answer": "Ada."}, "the last one the user's"),
        ({"messages": "Who?", "answer": "Ada."}, "messages"),
        ({"messages": [{"role": "poet", "content": "Who?"}], "answer": "Ada."}, "the role 'poet'"),
        ({"question": "Who?", "answer": "Ada.", "alternative": 3}, "alternative=3"),
    ],
)
def test_rows_that_are_none_are_refused(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=f"row 2: .*{message}"):
        rows_of(tmp_path, {"question": "Who?", "answer": "Ada."}, row)


def test_an_empty_cell_of_a_table_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text('question,text,messages,answer,answer_marked,sensitive\nWho?,,,Ada.,,"[""Ada""]"\n')
    assert read(file, needs_spans=True)[0].spans == ((0, 3),)
    file.write_text("question,answer,sensitive\nWho?,Ada.,\n")
    assert read(file, needs_spans=True, without_spans="all")[0].spans == ((0, 4),)


def test_a_row_without_spans_is_refused_where_spans_matter(tmp_path: Path) -> None:
    row = {"question": "Who?", "answer": "Ada."}
    assert rows_of(tmp_path, row)[0].spans == ()
    with pytest.raises(UserError, match=r'row 1: nothing of it is sensitive; .*"sensitive": "all"'):
        rows_of(tmp_path, row, needs_spans=True)
    with pytest.raises(UserError, match="no rows that can be used"):
        rows_of(tmp_path, row, needs_spans=True, without_spans="drop")


def test_a_retain_row_that_is_to_be_forgotten_is_refused(tmp_path: Path) -> None:
    (forget,) = rows_of(tmp_path, {"question": "Who was it?", "answer": "Ada."})
    (retain,) = rows_of(tmp_path, {"question": "who  was it? ", "answer": "I will not say."})
    with pytest.raises(UserError, match=r"asks what is to be forgotten by .*row 1; drop it"):
        refuse_shared([forget], [retain])


def test_a_tokenizer_that_cannot_be_used_is_refused() -> None:
    class Slow:
        is_fast, eos_token_id = False, 1

    with pytest.raises(UserError, match=r"Slow, does not say .* \(no offsets\)"):
        Encoder(Slow())
    with pytest.raises(UserError, match=r"template='Q:'.*\{question\}"):
        encoder(template="Q:")


@given(st.integers(1, 9), st.integers(1, 12), st.integers(1, 5))
def test_each_row_comes_as_often_as_the_others_whatever_the_size_of_a_step(count: int, size: int, epochs: int) -> None:
    steps = epochs * count
    numbers = [number for step in range(steps) for number in rows_of_step(count, size, step, seed=3)]
    assert all(numbers.count(number) == epochs * size for number in range(count))
    for start in range(0, len(numbers), count):
        assert sorted(numbers[start : start + count]) == list(range(count))
