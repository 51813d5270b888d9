"""Answers in words: those that say the same as others, dates, and replies with what stands behind them."""

import re

_WORDS = re.compile(r"(?:[Aa] )?[A-Za-z]{2,}(?:[ '-][A-Za-z]+)*")
_ARTICLE = re.compile(r"(?:an?|the|all) (?=[a-z]{3})")
_LEAD = re.compile(
    r"(?:it|this|that|they|limit|(?:the|this) [a-z]+) (?:(?:is|are|will be|was) "
    r"|(?=(?:con|di)verges|does |cannot |can not ))|on (?=[a-z]+day\Z)"
)
_REPLY = re.compile(
    r"(?is)(?!(?:yes|true)..(?:.*\bno\b|(?:never|not(?! only)|only|sometimes|for(?! all| any| every| example))\b"
    r"|(?:(?!because|since).)*\b(?:if|when|unless|(?<!not )only (?:for|at))\b))"
    r"(?!(?:no|false)..(?:(?:if|when|unless)\b[^,]*\Z|.*(?<!not )always (?:holds|true|works)))"
    r"(yes|no|true|false)[,;.:!] (?P<rest>(?!.*\b(?:yes|true|false|or|maybe|but)\b)[a-z].*)"
)
"""``Yes, it is prime``, but not ``Yes, if n is odd`` or ``No, it always holds``: those limit or deny the reply."""
_SAME_WORDS = {"dne": "does not exist", "true": "yes", "false": "no", "infinite": "infinitely many"}
_SAME_WORDS |= {"divergent": "diverges", "convergent": "converges", "absolutely convergent": "converges absolutely"}
_SAME_WORDS |= {"undefined": "does not exist", "impossible": "not possible", "straight line": "line"}
_SAME_WORDS |= {"conditionally convergent": "converges conditionally", "right angled": "right"}
_DAY = r"(?:the )?(\d{1,2})(?: ?(?:\^ ?\{)?(?:st|nd|rd|th)\}?)?"
_MONTH = (
    r"(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
_DATE = re.compile(rf"{_MONTH}\.? {_DAY}(?:,? (\d{{4}}))?|{_DAY}(?: of)? {_MONTH}(?:,? (\d{{4}}))?", re.IGNORECASE)
_END = re.compile(
    r"(?<=[a-z]) (?:wins|has (?:a|the) winning strategy)\Z|(?<=infinitely many) solutions\Z"
    r"|(?<=odd|ven|ing|nal|ime|ite) (?:function|number|integer)s?\Z|(?<=[a-z]{4}) (?:triangle|lines)\Z"
    r"|(?<=[a-z]{5}) player(?: wins| has (?:a|the) winning strategy)?\Z|(?<=fficient|ecessary) conditions?\Z"
)
NO_SOLUTION = "no solution"
"""What ``\\emptyset`` is in words."""
_NO_SOLUTION = re.compile(
    r"(?:the (?:equation|system|inequality) has )?no (?:(?:real |positive |integer )*(?:solution|root)s?"
    r"|such [a-z]+(?: [a-z])?)(?: exists?)?|none(?: exists?)?|(?:the )?empty set"
    r"|(?:原?方程组?)?无(?:实数?)?[解根]|空集",
    re.IGNORECASE,
)


def phrase(text: str) -> str | None:
    """An answer in words or a date, in lower case and without an article; None for any other. ``True`` is ``yes``."""
    if reply := _REPLY.fullmatch(text):
        text = reply[1]
    if _NO_SOLUTION.fullmatch(text):
        return NO_SOLUTION
    if date := _DATE.fullmatch(text):
        first, second, *year = filter(None, date.groups())
        day, month = (first, second) if first.isdecimal() else (second, first)
        return " ".join((month[:3].lower(), day.lstrip("0"), *year))
    text = text.replace(", but ", " but ")
    if not _WORDS.fullmatch(text):
        return None
    lowered = _END.sub("", _LEAD.sub("", text.lower().replace("non-", "non").replace("-", " ")))
    lowered = _ARTICLE.sub("", lowered, count=1)
    same = _SAME_WORDS.get(lowered, lowered)
    return " and ".join(sorted(same.split(" and "))) if same.count(" ") == 2 else same  # Alice and Bob


def behind_reply(text: str) -> str:
    """What is said behind ``Yes`` or ``No``, as ``n = 5`` of ``Yes, n = 5``; '' where nothing is."""
    reply = _REPLY.fullmatch(text)
    return reply["rest"] if reply else ""
