r"""Tells which sentences state something, and which values in them are denied, changed or mere numbers of things."""

import re
from typing import Literal, NamedTuple

from dgpo.verifier.text.tokens import vocabulary


class Span(NamedTuple):
    """A part of a sentence, from ``start`` to ``end``, and the expression in it."""

    start: int
    end: int
    text: str


Stance = Literal["asserts", "aside", "unfinished"]
"""``asserts``: read it. ``aside``: pass over it. ``unfinished``: the answer is still to come, or not known."""


PERHAPS = r"quiz[aá]s?|peut-être|vielleicht"
DOUBT = rf"(?:maybe|perhaps|possibly|probably|presumably|unsure|unverified|guess(?:es|ing)?|{PERHAPS})"
SUPPOSED = "如果|假设|假如|若|可能|也许|或许"
"""Words of other languages for what is no assertion."""
_CONNECTIVE = (
    r"\A\W*(?:(?:so|now|then|next|first|finally|lastly|but|and|okay|ok|hmm|wait|oh|alternatively|again|also|thus|hence"
    r"|therefore|(?:step|part) \d+)(?:,? |[.:*]+ ))*"
)
_OPENING = re.compile(
    rf"{_CONNECTIVE}(?:"
    # I hope it is correct; let me check: 2 + 3 = 5
    r"(?P<aside>(?:i )?hope (?:this|it|that)|let me know|feel free|please|thank|if you (?:have|need|want)"
    r"|(?:let(?:['’]s| us| me) |(?:we|i) (?:can|could|should|will) (?:also )?)?"
    r"(?:for (?:example|instance)|e\.g\.|verify|check(?!ed)|double[- ]?check|confirm)(?!s|ed|ing))\b"
    # Let's try n = 5; divide by 2; to find it, we need to add 5
    r"|(?:let(?:['’]s| us| me)?\b(?! (?:finali|conclude|choose|pick|answer|go with|say the))"
    rf"|(?:perhaps|maybe|possibly|{PERHAPS}|возможно|suppose|assume|consider|imagine"
    r"|try|find|compute|calculate|determine|solve|substitute|divide|multiply|subtract"
    r"|if\b(?=.{0,200}\b(?:contradict|fails|impossible|not (?:work|hold|possible)))"
    rf"|add|recall|express|simplify|round|see|use|take|given(?=:)|say(?= [a-z]\b))\b|{SUPPOSED}"
    r"|(?:to [^,]{1,60}, )?(?:we|i)(?:['’]ll| (?:now|still|just|only|also|then|first|can|could|will|should))*"
    r" (?:(?:need|have|want|try) to|must|start|begin|try|test|turn|consider|set)\b))",
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"\b(?:remains to\b|(?:could|might|may) (?:well )?(?:be|equal|have)\b(?! (?:written|\w+ed\b))|doubt"
    r"|(?:could|might|may|would) (?:think|guess)\b|would be\b(?=.* if\b)|(?:mistake|error|trap) is\b|unclear"
    r"|(?:goal|aim) is to\b|(?:options|choices) are\b|(?:wrong|incorrect|earlier|tempting) answer\b|bound\b.*\banswer"
    r"|(?:previous|initial|first) (?:guess|result|answer) was\b(?!.*\bbut\b)|(?:initially got|at first (?:i|we))\b"
    r"|(?:not|\w+n['’]t) (?:think|believe|clear that|true that|the case|(?:\w+ )?(?:sure|certain)|enough|know)|no idea"
    r"|both sides(?!.*(?:=|get|giv|obtain|yield|find))|(?:also|still) possible\b(?! \w)|insufficient|unable to"
    r"|(?:is|are|remains?) unknown|(?<=[,;] )(?:so )?let(?:['’]s| me| us)\b|(?:false|wrong) that\b|twice the answer"
    r"|(?:can ?not|can['’]?t|could(?: not|n['’]t)) (?:be )?(?:determin|decid|found|solv|comput|answer|give|prove|tell)"
    r"|answer (?:squared|(?:will|can) be (?:found|computed|determined))|cases to (?:consider|check)\b|of the answer)",
    re.IGNORECASE,
)
"""It remains to show that x = 7; it could be 5; there is not enough information."""
_RETRACTION = re.compile(
    r"(?:\A|(?<=[.!?*\n])\s|\n)\W{0,6}(?:(?:hmm|oh|but|and|ah)\W{1,6}){0,3}"
    r"(?:wait|(?:no|non|nein|нет|moment)(?=[,.:;!—–-]| it['’ ]| wait)|等等|不对|actually|correction|however|oops"
    r"|hold on|sorry|edit(?=:)|it should be(?= \W{0,3}\d)|i (?:made|disagree|was wrong)"
    r"|(?:that|this|it) (?:contradicts|(?:cannot|can['’]t) be (?:right|true|correct))"
    r"|(?:that|this|it)(?:['’]s| is| was)(?: (?:clearly|actually|obviously))? (?:wrong|false|incorrect|not right)"
    r"|scratch that|on second thought)\b",
    re.IGNORECASE,
)
_CONFIRMATION = re.compile(
    r"(?<!not )(?<!n['’]t )\b(?:yes|correct|confirm(?:s|ed)|checks? out|(?:is|that['’]s|are) (?:indeed )?(?:right|fine)"
    r"|verified|consistent|holds)\b(?! (?:answer|value|result|number|one))",
    re.IGNORECASE,
)
_BEFORE = {
    "denied": r"no|not|neither|nor|except|excluding|besides|without|incorrect|wrong|never|cannot|.*n['’]t"
    r"|(?:\S*n(?:['’]|o)t|never|hardly) (?:be|equals?|have|quite|reach(?:es)?|choose|pick|select)",
    "rejected": r"(?:eliminate|exceed|contradict|reject|discard|exclude)s?|rules? out|fails? (?:for|at|when)"
    r"|(?:all|anything|everything|options|choices) but|(?:other|rather) than",
    "compared": r"almost|nearly|hardly|barely|between|from|within|over|under|above|below|beyond|at (?:least|most)"
    r"|(?:less|greater|more|fewer|larger|smaller) than|(?:up|close) to|(?:much|many|old) as",
    "computed with": r"divides|minus|plus|times|twice|thrice|double|triple|to (?:reach|make)|divi(?:sible|ded) by"
    r"|(?:half|(?:third|quarter|fourth|fifth|tenth|multiple|factor|divisor|root|power|dozen)s?|digits|instead|inverse"
    r"|reciprocal|out|none|any|short|shy|square|cube|logarithm|fraction|percent|\S*%) of",
    "a number of": r"(?:step|case|equation|question)s?|lemma|theorem|figure|fig\.|problem|part|eq\.|exercise|example"
    r"|base|section|chapter|page|original|proposition|corollary|table|method|claim|approach|scenario|january|february"
    r"|march|april|may|june|july|august|september|october|november|december",
    "in other languages": r"pas|nicht|keine?|не|больше|более|меньше|менее|mindestens|höchstens|no es|non è|não é"
    r"|más de|menos de|(?:plus|moins) de|(?:mehr|weniger) als|al menos|au moins"
    r"|.*(?:不是|不选|非|不等于|大于|小于|多于|少于|[至最]多有?|至少有?|超过|不足|在|第|可能是|排除|除了?)",
}
"""The last words before a value that deny it (``not``), change it (``half of``) or make it a number (``Step``)."""
_CHANGING = re.compile(rf"(?:\S* )?(?:{'|'.join(_BEFORE.values())})")
_BEHIND = {
    "denied": r"[?？吗❌❎✗✘]|(?:では|じゃ)(?:な|ありません)|[이가] 아[니닙]|，?选?项?是?(?:不[正对成符可]|错)"
    r"|\(not sure|cannot\b|can['’]t\b|(?:is|are|was|were|does|do) not\b|(?:is|are|does|do)n['’]t\b",
    "rejected": r"\(?(?:(?:, which )?(?:is|are|was|were|(?:can|must|should) be) (?:both |all |also |an? |the )?)?"
    r"(?:incorrect|mistake|wrong|false|invalid|excluded|impossible|extraneous|eliminated|rejected|ruled out|discarded"
    r"|too (?:big|small|large|many|few))\b|(?:gives|leads to|yields) a contradiction\b"
    r"|(?:(?:but )?(?:it|that|this) )?fails\b",
    "compared": r"\w?(?:以上|以下|未満|より)|(?:or|and) (?:more|less|fewer|up|above|below)\b|at (?:least|most)\b"
    r"|(?:more|less|fewer) than \S{0,3}\d|(?:(?<=, \d )|(?<=, \d\d )|(?<=which is \d ))(?:more|less|fewer) than\b",
    "computed with": r"[倍万亿]|,\d|的[倍平立因约两一]|-[A-Za-z]|remainder\b|plus or minus\b|\+(?! ?[\w(])|of \$?\d"
    r"|(?:squared|cubed|factorial|choose)\b",
}
"""What denies or changes the value before it: ``5 is extraneous``, ``5 squared``, ``5-sided``."""
_AFTER = re.compile(rf"[)*$ \"”]*(?:{'|'.join(_BEHIND.values())})", re.IGNORECASE)
_LETTER = re.compile(
    r"(?<![A-Za-z])\([A-Ja-j]\)"
    r"|(?<![A-Za-z0-9'’\\^+])(?<![\d°+] )(?<!°)(?<!degree )(?<!degrees )"
    r"(?!A (?!is|because|since|as|and|or|but|works|holds|fits)[a-z])[A-HJ](?![A-Za-z0-9'’_^]| ?=)"
)
_ALSO = re.compile(r"[)*$ ]*(?:or|nor|and|和|或)[(*$ ]*")
_CONDITION = re.compile(
    r"(?<![A-Za-z])(?:when|where|(?<=\()at|attained|if|otherwise|else(?= \W{0,3}\d)|unless|since|because"
    r"|for (?:odd|even|all|other))(?![A-Za-z])",
    re.IGNORECASE,
)
_CONSEQUENCE = re.compile(r"(?<![A-Za-z])(?:so|now|thus|hence|therefore|(?:and|but|while) the)(?![A-Za-z])", re.I)
_DANGLING = vocabulary(
    "and or to is are of in by be as we a an the for that which with from so then if have would"
    " will can could should must because since when where while than but + - * /"
)
_ENDS_IN_VALUE = re.compile(r"(?:\d\S{0,20}(?: ?\w{1,20})?|(?<![A-Za-z])[A-Za-z])\Z")


def stance(sentence: str) -> Stance:
    """``asserts`` for a sentence that states something: no question, plan or hypothesis, and no ``I hope it helps``."""
    opening = _OPENING.match(sentence)
    if sentence.rstrip("*_\"')] ").endswith("?"):
        return "unfinished" if sentence.lower().startswith(("wait", "hmm", "but")) else "aside"
    if opening and opening["aside"]:
        return "aside"
    return "unfinished" if opening or _OPEN.search(sentence) else "asserts"


def is_cut_off(sentences: list[str]) -> bool:
    """Whether the last sentence stops midway: in a word like ``the``, or without the end mark that others have."""
    last = sentences[-1].rstrip("*_ ")
    if last[-1:] in ",=(" or last.rpartition(" ")[2] in _DANGLING:
        return True
    ends_in_word = last[-1:].isascii() and last[-1:].isalpha() and not _ENDS_IN_VALUE.search(last)
    return ends_in_word and any(sentence[-1] in ".!?" for sentence in sentences[:-1])


def _changes(before: str) -> bool:
    words = re.sub(r"[(*$#\"“]", "", before).rstrip().lower().removesuffix("equal to").rsplit(None, 3)
    while words and words[-1] in ("possibly", "or", "the", "a", "number", "option", "choice"):
        words.pop()
    return bool(_CHANGING.fullmatch(" ".join(words[-2:])))


def letters(sentence: str) -> list[Span]:
    """The letters of choices that ``sentence`` names without denying them: D of ``I think it is D, not A``."""
    found = [Span(letter.start(), letter.end(), letter.group().upper()) for letter in _LETTER.finditer(sentence)]
    return undenied(sentence, found)


def undenied(sentence: str, spans: list[Span]) -> list[Span]:
    """``spans`` without those that are denied (``not 3 or 5``), changed (``5 squared``) or a number (``Step 5``)."""
    asserted: list[Span] = []
    denied_end = -1
    for span in spans:
        goes_on = denied_end >= 0 and _ALSO.fullmatch(sentence, denied_end, span.start)
        if goes_on or _changes(sentence[max(0, span.start - 30) : span.start]) or _AFTER.match(sentence, span.end):
            denied_end = span.end
        else:
            asserted.append(span)
            denied_end = -1
    return asserted


def condition(sentence: str, position: int) -> int | None:
    """The start of a condition or a reason behind ``position``, ``when`` of ``12, when n = 5``; None without one."""
    match = _CONDITION.search(sentence, position) if len(sentence) - position > 4 else None
    return match.start() if match and not _CONSEQUENCE.search(sentence, match.end()) else None


def has_cases(sentence: str, position: int) -> bool:
    """Whether there are several conditions behind ``position``: ``3 if n is odd and 5 if it is even``."""
    words = [word.lower() for word in _CONDITION.findall(sentence, position)]
    cases = [word for word in words if word not in ("where", "since", "because", "attained")]
    return not {"otherwise", "else"}.isdisjoint(words) or len(cases) > 1


def retraction(text: str) -> int | None:
    """The position of ``Wait, no`` or the like in ``text``, None without one, or where it ends in a confirmation."""
    match = _RETRACTION.search(text)
    return match.start() if match and not _CONFIRMATION.search(text, match.end()) else None
