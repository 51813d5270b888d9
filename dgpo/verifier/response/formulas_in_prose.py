r"""Finds the mathematics in plain text: ``5 * 3 = 15``, ``2√5``, ``(x+1)(x-2)``, ``[1, 2)``, ``3 x 10^5``.

A run of mathematical tokens is as long as can be, so that no number is cut out of a larger expression. What an operator
joins to a word (``5 * the number of boys``) is no value; of ``price * 5 = 15`` the side 15 remains.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from dgpo.verifier.expressions.units import unit_of
from dgpo.verifier.text.numerals import MAGNITUDES
from dgpo.verifier.text.stance import Span

DIGITS = r"(?:(?:\d{1,3}(?:,\d{3})+|[1-9]\d{0,2}(?: \d{3})+(?![\d,])|\d+)(?:\.\d+)?|\.\d+)"
_NUMBER = (
    rf"(?:\\?[$€£¥]-?)?(?:\d+ \d+/\d+|\d+:\d+(?::\d+)*|{DIGITS}(?:[eE][+-]?\d+)?)"
    rf"(?: ?(?:\\?%|(?:percent|dozen|{'|'.join(MAGNITUDES)})\b)| and (?:a|one)[ -](?:half|third|quarter)\b)?"
)
_ATOM = (
    # sin, log_2, \pi and x, but not the articles in: 5 - a lot
    rf"{_NUMBER}|(?!(?<=\d)[ck]?m[²³])(?:(?<=\d)[a-z]{{1,3}}(?![A-Za-z])"  # 2xy, 5cm, but 5m² is 5 m²
    r"|(?<![A-Za-z'’])(?![aAI] [a-z]{2}|x [$\d(])[A-Za-z](?:'+(?=[( =])|(?![A-Za-z'’])))"
    r"|(?:(?:arc)?(?:sin|cos|tan|cot)|sqrt|log(?:_\{?\w+\}?)?|ln|exp|pi|mod)(?![A-Za-z]) ?|\\[A-Za-z]+ ?"
    r"|[()\[\]{}π∞θ°¹²³⁰-ₜᵃ-ᵪˣ]|√ ?|\|(?=[\w\\(√-])|(?<=[\w)])\|"
)
_SIGNS = r"+−–*×·⋅÷/^=<>≤≥≠≈≡±∓∈∪-"
_RUN = re.compile(
    # a sign, negative or a relation (> 5) and an atom; then atoms and signs, as many as there are
    r"(?<![A-Za-z0-9.,])(?=[^A-Za-z\s]|[A-Za-z](?![A-Za-z])|arc|sin|cos|tan|cot|sqrt|log|ln|exp|pi|mod|negative)"
    r"(?<![A-Za-z][-‑])(?:(?<![A-Za-z0-9)\]}])[-+−–±] ?(?=[\w.$(√π\\])|(?:negative |负|минус )(?=\d)"
    rf"|(?:(?<=[a-z] )|\A)[<>≤≥≠]=? ?)?(?:{_ATOM})"
    # 5 = 3 + 2, 5 x 3, 5! = 120, a_n
    rf"(?:{_ATOM}| ?(?![-=]>|--)[{_SIGNS}]+ ?| x (?=[$\d(])|!(?=[.;]| ?[-+*/=^)×·÷])|_(?=[\w{{])"
    r"|,(?= ?[^\s,()\[\]{}]{1,20}(?:, ?[^\s,()\[\]{}]{1,20}){0,4}[)\]}]) ?|,(?=[-−]?\d)"  # (1, 2), [0, ∞); 1,2
    # 2 sin x, 3 i, 3 (mod 7)
    r"| (?:(?=(?:sin|cos|tan|log|ln|pi|[inxyzπ√])(?![a-z'’]))|\(mod \d+\)))*"
)
_LOOSE = f" {_SIGNS}([{{,_|"
# 5 * the price
_WORD_BEHIND = re.compile(r"(?: [*×·÷+/] |[×÷^])\(?[A-Za-z]")
# price * 5, but not: is - 5
_WORD_BEFORE = re.compile(r"[A-Za-z)](?<! is)(?: [*·+/−–-] | ?[×÷] ?)\Z")
_PURE = re.compile(rf"[-−]?{_NUMBER}")
_BRACKETED = re.compile(rf"[(\[{{]-?{_NUMBER}[)\]}}]")
_WRAPPER = re.compile(r"\\(?:text|math)[a-z]{0,10} ?\Z")
_MEASURES = re.compile(rf"(?:{DIGITS} [a-z]+ )+{DIGITS}")
_MONEY = re.compile(r"\\?[$€£¥](?=[-\d.])")
_RATE = re.compile(r" ?(?:\\text ?\{ ?)?(?:per |/) ?(?:\\text ?\{ ?)?([a-z]+)")  # $12 per hour
# 25 °C, 9 square miles per hour, 9 m^2
_UNIT = re.compile(
    r" ?°[CF]?(?![A-Za-z])"
    r"| ?(?!in [a-z])(?:(?:square|cubic|sq\.?|cu\.?) )?[A-Za-z]+(?:[²³]|\^[23])?"  # not 5 in all
    r"(?:(?: per |/)[A-Za-z]+(?:[²³]|\^[23])?)?"
)
_OF_SHARE = re.compile(r" (?:per [a-z]+|(?:in|de)crease|discount|profit|loss|gain)\b")  # 20% increase
_TIMES = re.compile(r"(?<=[\d)]) x (?=[\d(])")
_BETWEEN = re.compile(
    r"(?:[ /][A-Za-z]+){0,3}? ?(?P<sign>[+−–*×·÷/=<>^-]|(?<= )x(?= )) ?"  # 3 hours * 20, $5$ = $x$
    r"|,? (?P<word>plus|minus|times|multiplied by|divided by|over|out of|to|by|choose|(?:more|less|fewer) than) "
)
_SIGN_OF = {"plus": "+", "minus": "-", "times": "×", "multiplied by": "×"}
_SIGN_OF |= dict.fromkeys(("divided by", "out of", "over"), "/")


def runs(sentence: str, covered: list[Span]) -> Iterator[Span]:
    """The runs of ``sentence`` outside the ``covered`` spans."""
    for found in _RUN.finditer(sentence):
        start, end = found.span()
        if any(span.start < end and start < span.end for span in covered):
            continue
        text = found.group()
        if not text[-1].isalnum():
            text = text.rstrip(_LOOSE)
        if any(map(text.__contains__, "()[]{}")):
            offset, text = _balanced(text)
            start += offset
        if any(map(str.isalnum, text)) or "∞" in text:
            yield Span(start, start + len(text), text)


def _balanced(text: str) -> tuple[int, str]:
    """The offset and the text of a part whose brackets close; any bracket closes any other, as in ``[1, 2)``."""
    opened: list[int] = []
    for position, symbol in enumerate(text):
        if symbol in "([{":
            opened.append(position)
        elif symbol in ")]}" and opened:
            opened.pop()
        elif symbol in ")]}":
            side = text.find("=", position) + 1  # P(not A) = 5/8
            if side and any(map(str.isalnum, text[side:])):
                start = side + text[side:].startswith(" ")
                offset, text = _balanced(text[start:])
                return start + offset, text
            text = text[:position]
            break
    if not opened:
        return (1, text[1:-1]) if _BRACKETED.fullmatch(text) else (0, text)
    if any(map(str.isalnum, text[: opened[0]])):
        return 0, _WRAPPER.sub("", text[: opened[0]]).rstrip(_LOOSE)
    return opened[-1] + 1, text[opened[-1] + 1 :]


def join(sentence: str, spans: list[Span]) -> list[Span]:
    """``spans`` with those that an operator joins as one: ``3 hours * 20 = 60``, ``$2$ plus $5$``."""
    joined = spans[:1]
    for span in spans[1:]:
        last = joined[-1]
        if last.end + len(unit_behind(sentence, last.end)) >= span.end:  # of 15 m^2
            continue
        text = _joined(sentence, last, span) if span.start - last.end < 60 else None
        if text:
            joined[-1] = Span(last.start, span.end, text)
        else:
            joined.append(span)
    return joined


def _joined(sentence: str, last: Span, span: Span) -> str | None:
    """The expression of two spans that an operator, a word or a unit joins; None where they stand apart."""
    gap = sentence[last.end : span.start]
    between = _BETWEEN.fullmatch(gap)
    if between and between["word"]:
        sign = _SIGN_OF.get(between["word"])
        return f"{last.text} {sign} {span.text}" if sign else sentence[last.start : span.end]
    if between:
        has_words = any(map(str.isalpha, gap))
        is_prose = (between["sign"] in "−–-" and "=" not in span.text) or span.text.isalpha()
        return None if has_words and is_prose else f"{last.text} {between['sign']} {span.text}"
    unit, following = unit_behind(sentence, last.end), unit_behind(sentence, span.end)
    is_one_measure = unit and following and gap.removeprefix(unit) in (" ", ", ", " and ")
    return f"{last.text}{unit} {span.text}" if is_one_measure else None  # 5 feet 6 inches


def whole(sentence: str, span: Span) -> Span | None:
    """``span`` without the sides of an equation that an operator joins to a word; None where no side is left."""
    start, end, text = span
    if _WORD_BEHIND.match(sentence, end):
        text = text.rpartition("=")[0].rstrip()
    leads_with_sign = text[:2] in ("+ ", "- ", "− ", "– ")
    if _WORD_BEFORE.search(sentence, max(0, start - 4), start + 2 * leads_with_sign):
        text = text.partition("=")[2].lstrip()
    return Span(start, end, text) if text else None


def spelt(sentence: str, span: Span) -> str:
    """The expression of ``span`` as LaTeX, with the unit of measure behind it."""
    text, unit = span.text, unit_behind(sentence, span.end)
    if _MONEY.match(text) and _PURE.fullmatch(text) and (rate := _RATE.match(sentence, span.end)):
        return f"{text} per {rate[1]}"
    if text.endswith("%") and (said := _OF_SHARE.match(sentence, span.end)):
        return rf"{text}\text{{{said.group()}}}"
    if unit and (_PURE.fullmatch(text) or _MEASURES.fullmatch(text)):
        return text + unit
    if not _PURE.fullmatch(text):
        text = _TIMES.sub("×", _MONEY.sub("", text))
    return rf"{text}\text{{{unit}}}" if unit else text


def unit_behind(sentence: str, position: int) -> str:
    """The known unit of measure at ``position`` with the space before it (`` cm``, `` miles per hour``), or ''."""
    found = _UNIT.match(sentence, position)
    unit = found.group() if found else ""
    if unit.startswith(("°", " °")):
        return unit
    if unit[:1] != " ":
        return f" {unit}" if unit[-1:] in ("²", "³") and _is_unit(unit[:-1]) else ""
    return unit if _is_unit(unit[1:].rstrip("²³")) else ""


@lru_cache(maxsize=1024)
def _is_unit(name: str) -> bool:
    is_symbol = len(name) <= 2 or "/" in name or not name.isalnum()
    return unit_of(name.strip(), False, is_symbol and " " not in name) not in ("", "unit", None)
