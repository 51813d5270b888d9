"""What a row says is sensitive: every way of saying it, what is refused, and the tokens that it makes."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgpo.errors import UserError
from dgpo.unlearning.spans import answer_and_spans, token_spans

ANSWER = "Her father was a baker, and a baker in Kuwait City taught Al-Kuwaiti."
CITY = (ANSWER.index("Kuwait City"), ANSWER.index("Kuwait City") + len("Kuwait City"))
BAKERS = [(17, 22), (30, 35)]


def spans_of(**row: Any) -> Any:
    return answer_and_spans({"answer": ANSWER, **row}, "rows.jsonl, row 3")[1]


def test_each_way_of_saying_what_is_sensitive() -> None:
    assert spans_of(sensitive=["Kuwait City"]) == [CITY]
    assert spans_of(sensitive=["baker"]) == BAKERS
    assert spans_of(sensitive=[{"text": "baker", "occurrence": 2}]) == BAKERS[1:]
    assert spans_of(sensitive=[list(CITY), "baker"]) == [*BAKERS, CITY]
    assert spans_of(sensitive='["Kuwait City"]') == [CITY]
    assert spans_of(sensitive="all") == [(0, len(ANSWER))]
    assert spans_of() is None and spans_of(sensitive=[]) == []
    words = [{"word": "Kuwait City", "start": CITY[0], "end": CITY[1]}]
    assert spans_of(target_words=words) == spans_of(target_words=json.dumps(words)) == [CITY]
    marked = "Her father was a [[baker]], and so on."
    assert answer_and_spans({"answer_marked": marked}, "") == ("Her father was a baker, and so on.", [(17, 22)])


def test_a_word_that_stands_alone_is_not_looked_for_in_others() -> None:
    answer = "Kuwait is where Al-Kuwaiti lives."
    assert answer_and_spans({"answer": answer, "sensitive": ["Kuwait"]}, "")[1] == [(0, 6)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"sensitive": ["Paris"]}, "'Paris' is not in the answer"),
        ({"sensitive": ["kuwait city"]}, r"not in the answer \(it has 'Kuwait City'\)"),
        ({"sensitive": [""]}, "not in the answer"),
        ({"sensitive": [{"text": "baker", "occurrence": 3}]}, "occurrence=3 .* stands there 2 times"),
        ({"sensitive": [[40, 45]]}, "cuts a word"),
        ({"sensitive": ["akuwai"], "answer": "Sakuwain"}, "cuts a word .*inside_words"),
        ({"sensitive": [[17, 22], [20, 30]]}, "cuts a word|overlap"),
        ({"sensitive": ["was a baker", "baker"]}, "overlap"),
        ({"sensitive": [[60, 200]]}, r"\[60, 200\] is empty or outside the answer of 69 characters"),
        ({"sensitive": [[5, 5]]}, "empty or outside"),
        ({"sensitive": [[-3, 3]]}, "empty or outside"),
        ({"sensitive": [[3, 4]]}, "nothing but blanks"),
        ({"sensitive": ["cafe"], "answer": "In a cafe\u0301."}, "cuts a word"),
        ({"sensitive": ["दिल"], "answer": "वह दिल्ली में है।"}, "cuts a word"),
        ({"answer_marked": "Born in [[Kuwait]]."}, "answer='Her father.* is not answer_marked without its marks"),
        ({"sensitive": [17, 22]}, r"write \[\[17, 22\]\]"),
        ({"sensitive": [3.5]}, "3.5 is no span"),
        ({"sensitive": 7}, "no list"),
        ({"sensitive": "baker"}, "no list"),
        ({"target_words": [{"word": "Kuwait", "start": 0, "end": 6}]}, "where the answer has 'Her fa'"),
        ({"target_words": ["Kuwait"]}, "expected a list"),
        ({"target_words": "{"}, "no list"),
        ({"sensitive": ["baker"], "target_words": "[]"}, "in one way"),
        ({"answer": None, "answer_marked": "born in [[Kuwait"}, "without its other half"),
        ({"answer": " "}, "no text"),
        ({"answer": 7}, "no text"),
    ],
)
def test_doubtful_spans_are_refused_with_row_and_remedy(row: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        spans_of(**row)
    assert (str(caught.value).startswith("rows.jsonl, row 3") and ";" in str(caught.value)) or ":" in str(caught.value)


def test_words_may_be_cut_where_it_is_allowed_and_in_scripts_without_blanks() -> None:
    assert answer_and_spans({"answer": "Sakuwain", "sensitive": ["kuwai"]}, "", inside_words=True)[1] == [(2, 7)]
    assert answer_and_spans({"answer": "वह दिल्ली में है।", "sensitive": ["दिल्ली"]}, "")[1] == [(3, 9)]
    assert answer_and_spans({"answer": "她出生在科威特城。", "sensitive": ["科威特"]}, "")[1] == [(4, 7)]


@given(st.text("ab [", min_size=0, max_size=8), st.text("xyz", min_size=1, max_size=5), st.text("ab ]", max_size=8))
def test_marks_come_out_as_they_went_in(before: str, inside: str, after: str) -> None:
    before, after = before.replace("[[", "").rstrip("["), after.replace("]]", "").lstrip("]")
    answer, spans = answer_and_spans({"answer_marked": f"{before} [[{inside}]] {after}"}, "", inside_words=True)
    assert answer == f"{before} {inside} {after}" and spans == [(len(before) + 1, len(before) + 1 + len(inside))]


def test_a_token_is_in_a_span_by_its_text_without_the_blank_before_it() -> None:
    answer = "She was born in Kuwait City today."
    offsets = [(0, 3), (3, 7), (7, 12), (12, 15), (15, 19), (19, 22), (22, 27), (27, 33), (33, 34)]
    assert token_spans(offsets, [(16, 27)], answer) == [-1, -1, -1, -1, 0, 0, 0, -1, -1]
    # " in" ends where the span begins, and the blank before "today" belongs to no span.
    assert token_spans([(12, 15), (27, 33)], [(15, 28)], answer) == [-1, -1]


def test_released_span_files_are_read(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from dgpo.unlearning.data import read

    word = {"word": "Kuwait City", "start": CITY[0], "end": CITY[1]}
    table = pa.table(
        {
            "question": ["Who was it?", "And then?"],
            "answer": [ANSWER, "Nothing."],
            "target_words": [json.dumps([word]), "[]"],
            "common_words": [["Her", "father"], []],
        }
    )
    file = tmp_path / "data-00000-of-00001.arrow"
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(UserError, match="row 2: nothing of it is sensitive"):
        read(file, needs_spans=True)
    assert [row.spans for row in read(file, needs_spans=True, without_spans="keep")] == [(CITY,), ()]
    assert len(read(file, needs_spans=True, without_spans="drop")) == 1
    assert read(file, needs_spans=True, without_spans="all")[1].spans == ((0, 8),)
