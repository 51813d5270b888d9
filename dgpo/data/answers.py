r"""Answers as the sources spell them, made canonical; and those that no response could be checked against.

Only the spelling changes, never the value: the verifier compares values, and people compare files.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from dgpo.data.cells import decoded, printed, struct_of
from dgpo.data.damage import backslash_fault
from dgpo.data.messages import assistant_reply, conversation
from dgpo.data.solutions import final_answer, is_no_answer, is_solution
from dgpo.verifier import verify
from dgpo.verifier.expressions.tree import Equation, Value
from dgpo.verifier.response.extract import boxes, gold_fault, read_gold

_DELIMITERS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("`", "`"), ("**", "**"))
_FENCE = re.compile(r"\A\s*```(?:\w*\n)?(.*?)\s*```\s*\Z", re.DOTALL)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:(?:,|\{,\}|,\\!)\d{3})+(?:\.\d+)?")
_WHOLE = re.compile(r"([+-]?)0*(\d+)(?:\.0*)?")
_E_NOTATION = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))[eE]([+-]?)0*(\d+)")
_EUROPEAN = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+,\d+")  # 1.234,50 can only be read one way; 0,5 is a list as well
_LABEL = re.compile(
    r"\A(?:【(?:答案|解答)】|\[(?:答案|Answer)\]|ans *[.:=]|#{1,3} +(?=\S+\Z)"
    r"|(?:option|choice|选项)[ :]*(?=\(?[A-H]\)?\.?\Z)|'(?=[-+=]?\d[\d.,/]*%?\Z))\s*",  # ' is a sheet's mark for text
    re.IGNORECASE,
)
_DOUBTFUL = {
    "dates, which a spreadsheet may have made of fractions": re.compile(
        r"(?:\d{1,2}-)?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(?:-\d\d)?|\d{4}-\d\d-\d\d 00:00:00"
        r"|\d{1,2}/\d{1,2}/\d{4}",
        re.IGNORECASE,
    ),
    "numbers of few digits, as a spreadsheet shows longer ones": re.compile(r"\d\.\d{1,5}E\+\d\d"),
    "lists by their commas; if they group digits as in India, write 1234567 for 12,34,567": re.compile(
        r"[+-]?\d{1,2}(?:,\d\d)+,\d{3}"
    ),
    "code, which is compared as text alone": re.compile(
        r"(?:def \w+\(|class \w+[:(]|import \w|from \S+ import |print\(|lambda\b.*:"
        r"|(?:theorem|lemma)\b.*:=|SELECT\b.*\bFROM\b|#include\b|[A-Za-z_]\w* = \[\["
        r"|```(?:py|c\+|cpp|java|js|sql|lean)).*",
        re.DOTALL,
    ),
    "lists by their comma; if it is a decimal point, write 0.5 for 0,5": re.compile(r"[+-]?\d+,\d{1,2}|[+-]?0,\d+"),
}
_SPELLINGS_OF_ONE = "answers are lists whose entries are all equal in value; if one of them will do: --any-answer"
_DEGREES = re.compile(r"°|\^ ?\{? ?\\circ(?![A-Za-z]) ?\}?|\\degrees?(?![A-Za-z])")
_VALUE_FIELDS = {"answer", "value", "final_answer", "ground_truth", "text", "target", "label", "solution", "result"}
_EXPECTED = "an answer must be text, a number or a list of them"
_PRINTED = re.compile(r"""[\[{(]\s*b?["']\w|b(["']).*\1\Z|(?:array|tensor|np\.\w+|Decimal|Fraction)\(""")
_WORD = re.compile(r"[^\W\d_]{2}")
_MAX_NUMBER = 1000  # characters; the verifier reads no longer number, and the patterns above are not linear


def canonical_answer(raw: object) -> str:
    r"""One spelling of an answer: "" for none, `027`, `27.0` and `+27` as `27`, `1,234` as `1234`, `4.5e33` as
    `4.5 \times 10^{33}`, `336°` as `336^{\circ}`, without `$` or a box around it; a list joined by commas, a truth
    value as Yes or No. What `is_no_answer` says is none; of a solution the final answer is taken, and a printed
    container is read.

    Raises TypeError for what is none of these, and ValueError for a solution that marks no answer.
    """
    value = _unwrapped(_FENCE.sub(r"\1", raw) if isinstance(raw, str) else raw)
    if value is None or value != value or value in (float("inf"), float("-inf")):  # how tables say "none"
        return ""
    if isinstance(value, list):
        if len(value) > 1 and any(len(answer_list(each)) > 1 for each in value):
            raise ValueError("it is a list of lists, of which commas would make one; write it as a formula")
        items = [canonical_answer(each) for each in value]
        # A blank entry is a cell left over; one of null, NaN or N/A is a part of the answer that nobody wrote.
        missing = [place for place, each in enumerate(value) if not items[place] and str(each).strip()]
        if any(items) and missing:
            raise ValueError(f"entry {missing[0]} of its list is empty; take it out, or write what is missing")
        return ", ".join(filter(None, items))
    if isinstance(value, bool):
        return "Yes" if value else "No"
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    if isinstance(value, float) and not value.is_integer():
        text = format(value, ".15g")  # 0.1 + 0.2 is 0.30000000000000004; no more digits than these are sure
    text = _LABEL.sub("", text)
    if is_no_answer(text):
        return ""
    return _canonical_number(_DEGREES.sub(r"^{\\circ}", _peel(final_answer(text) if is_solution(text) else text)))


def _unwrapped(raw: object) -> str | int | float | Decimal | list[object] | None:
    """The scalar or list inside bytes, printed text, a conversation, or a struct whose only value is an answer."""
    value = printed(raw) if isinstance(raw, str) else raw
    if value is None:
        return (_values_by_line(raw) or raw) if isinstance(raw, str) else None
    if isinstance(value, bytes):
        return _unwrapped(decoded(value))
    if (messages := conversation(value)) and all({"role", "from"}.intersection(each) for each in messages):
        return assistant_reply(messages)
    if isinstance(value, Mapping):
        fields = [name for name, each in value.items() if each not in (None, "", [])]
        if len(fields) == 1 and str(fields[0]).lower() in _VALUE_FIELDS:
            return _unwrapped(value[fields[0]])
        if fields:
            first = next((name for name in fields if str(name).lower() in _VALUE_FIELDS), fields[0])
            raise TypeError(f"{_EXPECTED}, not {struct_of(fields, first)}")
        return None
    if isinstance(value, set):
        return sorted(value, key=str)
    if isinstance(value, list | tuple):
        return list(value)
    if not isinstance(value, str | int | float | Decimal):
        raise TypeError(f"{_EXPECTED}, not {type(value).__name__}: {value!r:.80}")
    return (_values_by_line(value) or value) if isinstance(value, str) else value


def _values_by_line(text: str) -> list[object] | None:
    """The lines of a text, where each holds a whole value or equation and they are no formula in several lines.

    Raises ValueError where they may be either: ``5`` above ``- 6``.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) < 2 or is_solution(text) or boxes(text) or any(line[0] == "=" for line in lines):
        return None
    trees = [gold.tree if (gold := read_gold(line)) else None for line in lines]
    if not all(isinstance(tree, Equation) or (isinstance(tree, Value) and not tree.is_opaque) for tree in trees):
        return None
    if any(line[0] in "+-*/" for line in lines[1:]):
        raise ValueError("its lines may be several values or one sum; write them in one line, values with commas")
    return [*lines]


def _canonical_number(text: str) -> str:
    if len(text) > _MAX_NUMBER:
        return text
    if _EUROPEAN.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    if _THOUSANDS.fullmatch(text):
        text = re.sub(r"[^\d.+-]", "", text)
    if whole := _WHOLE.fullmatch(text):
        sign, digits = whole.groups()
        return ("-" if sign == "-" and digits != "0" else "") + digits
    if scientific := _E_NOTATION.fullmatch(text):
        mantissa, sign, exponent = scientific.groups()
        return rf"{mantissa} \times 10^{{{'-' if sign == '-' else ''}{exponent}}}"
    return text


def integer_answer(raw: object) -> str:
    r"""The canonical answer of a contest whose answers are whole numbers: `336^\circ` is `336`."""
    return canonical_answer(canonical_answer(raw).removesuffix(r"^{\circ}"))


def _peel(text: str) -> str:
    text = text.strip()
    while True:
        inner = text.removesuffix(".").rstrip() if text.startswith(("$", "\\(", "\\[", "\\boxed")) else text
        for left, right in _DELIMITERS:
            body = inner[len(left) : -len(right)]
            if inner.startswith(left) and inner.endswith(right) and len(inner) > len(left + right) and left not in body:
                inner = body
                break
        if (found := boxes(inner)) and found[0][:2] == (0, len(inner)):
            inner = found[0][2]
        if inner == text:
            return text
        text = inner.strip()


def answer_list(raw: object) -> list[object]:
    """The entries of a list of answers, which may be printed as text; none for a single answer."""
    value = _unwrapped(raw)
    return value if isinstance(value, list) else []


def _verify_either_way(one: str, other: str) -> bool:
    return bool(verify(rf"\boxed{{{one}}}", other) or verify(rf"\boxed{{{other}}}", one))


def group_equal(answers: Iterable[str], are_equal: Callable[[str, str], bool] = _verify_either_way) -> list[list[str]]:
    """The answers in groups of those that are equal to the first of the group. By default two answers are equal where
    one verifies against the other, either way round."""
    groups: list[list[str]] = []
    for answer in answers:
        for group in groups:
            if are_equal(answer, group[0]):
                group.append(answer)
                break
        else:
            groups.append([answer])
    return groups


@dataclass(frozen=True, slots=True)
class Reading:
    """How a row's answer was read.

    Attributes:
        answer: in one spelling; "" for none.
        fault: why it cannot be read, or no response can be checked against it; "" where one can.
        remarks: what the person should know of it.
    """

    answer: str
    fault: str
    remarks: tuple[str, ...]


def read_answer(
    raw: object, canonical: Callable[[object], str] = canonical_answer, *, any_answer: bool = False
) -> Reading:
    """Read an answer as its source spells it, by ``canonical``. With ``any_answer`` the entries of a list are spellings
    of one answer, and the first is taken; so it is where each is a whole solution, which has the whole answer."""
    remarks = list[str]()
    try:
        answer, listed = canonical(raw), answer_list(raw)
        spellings = [each for each in map(canonical, listed) if each]
        if len(spellings) > 1:
            are_equal = len(group_equal(spellings)) == 1
            if any_answer or any(isinstance(each, str) and is_solution(each) for each in listed):
                if not are_equal:
                    raise ValueError(
                        "the list has answers of different value, and only spellings of one may stand for it"
                    )
                answer = spellings[0]
            elif are_equal:
                remarks.append(_SPELLINGS_OF_ONE)
        fault = ground_truth_fault(answer) if answer else ""
    except (TypeError, ValueError) as error:
        answer, fault = "?", str(error)
    text = raw.strip() if isinstance(raw, str) else ""
    if isinstance(raw, bool):
        remarks.append("answers are truth values, written as Yes and No")
    elif text and not answer:
        remarks.append("answers say that there is none, and are left out")
    elif text and is_solution(text) and not is_solution(answer):
        remarks.append("answers were taken out of whole solutions")
    else:
        remarks += [f"answers are {what}" for what, made in _DOUBTFUL.items() if made.fullmatch(text)][:1]
    return Reading(answer, fault, tuple(remarks))


def text_fault(answer: str) -> str:
    """Why a text cannot be a ground truth, or is not what its author meant, by the text alone; "" where it can."""
    if fault := backslash_fault(answer, is_answer=True):
        return fault
    if is_no_answer(answer):
        return "says that there is no answer"
    if _PRINTED.match(answer):
        return "is a container that was printed as text"
    if answer.rstrip().endswith(("?", "？")) and _WORD.search(answer):
        return "is a question, of which the answer may be in the problem's column"
    if not is_solution(answer):
        return gold_fault(answer)
    try:
        return f"is a solution; its answer is {final_answer(answer)!r:.80}"
    except ValueError as error:
        return str(error)


@lru_cache(maxsize=4096)  # many problems have the same answer
def ground_truth_fault(ground_truth: str) -> str:
    """Why no response can be checked against a ground truth, or "" where one can: a response that boxes it must be
    right, and an expression must be whole.
    """
    if fault := text_fault(ground_truth):
        return fault
    verdict = verify(rf"\boxed{{{ground_truth}}}", ground_truth)
    if not verdict:
        return f"does not verify against itself ({verdict.reason})"
    return "is a part of an expression" if _is_torn(ground_truth) else ""


def _is_torn(ground_truth: str) -> bool:
    r"""Whether the text is no whole expression: ``3 +``, ``\frac{1}{}``, ``[1, 2``."""
    gold = read_gold(ground_truth)
    if gold is None or not gold.tokens or not isinstance(gold.tree, Value) or not gold.tree.is_opaque:
        return False
    first, last, text = gold.tokens[0], gold.tokens[-1], gold.latex.replace(" ", "")
    ends_early = last.is_("sign", *"+-*/^_") or last.kind == "function"
    is_open = sum(map(text.count, "([")) != sum(map(text.count, ")]"))
    return first.is_("sign", *"*/^") or ends_early or is_open or "{}" in text
