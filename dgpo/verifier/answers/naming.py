r"""Reads names, which stand left of equals signs: ``x``, ``x_1``, ``f(x)``, ``P(X = 2)``, ``\text{Area}``, ``|A|``."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from dgpo.verifier.text.spelling import FUNCTIONS
from dgpo.verifier.text.splitting import group_end, plain, shell, split, symbols
from dgpo.verifier.text.tokens import CLOSE, END, OPEN, Tokens, has, has_any, vocabulary

PLACES = vocabulary("when whenever where if iff at for with attained achieved since because")
"""Words that begin a condition, or say where and why a value is taken."""
_NO_NAMES = PLACES | vocabulary(
    "no not guess never wrong false lead leads get got gives unless what fails excluded but twice half as given"
    " neither nobody nothing none nor few less minus than before after incorrect 错误"
)
_NO_LEADS = vocabulary("excluding between negatives multiples perpendicular parallel above below reflection")
"""Words that begin a condition, deny something or make a sentence, and those that do at the start of a name."""
_SUBJECTS = vocabulary("answer result solution it this that")
_CHANGES = vocabulary("square squared cube cubed double triple negative reciprocal inverse opposite root third")
_ARTICLES = vocabulary("the a an value of its on over")
_MEASURES = vocabulary(
    "length width height radius diameter perimeter area volume mean median mode max min sum product domain range"
    " vertical horizontal upper lower initial final left right inner outer vertex focus first second last boys girls"
    " heads tails kinetic potential cost profit revenue"
)
_SAME_WORDS: dict[str, str] = dict.fromkeys(("maximum", "maximal", "largest", "greatest", "highest", "最大值"), "max")
_SAME_WORDS |= dict.fromkeys(("minimum", "minimal", "smallest", "least", "lowest", "最小值"), "min")
_FIGURES = frozenset(("angle", "triangle", "square", "overline", "overrightarrow", "widehat"))
_MARKS = {"dot": "'", "ddot": "''", "bold": ""}
_SEGMENT = re.compile("[A-Z]{2,4}|pO?H")
_DERIVATIVE = re.compile(r"(?:frac\{)?(d|partial)\^?\{?(\d?)\}?(\w+)(?:\}\{|/)\1(\w+?)(?:\^\{?\2\}?)?\}?")
_POINTS = re.compile(r"(?:vec )?([A-Z]{2,4}|p[A-Z]{1,2})|(?:.*triangle |s_\{)([a-z]{3})\}?")


@dataclass(frozen=True, slots=True)
class Name:
    """A name by its parts: ``f'_1(x)`` has the head f, the index 1, one mark and the argument x."""

    head: str
    index: str = ""
    mark: str = ""
    argument: tuple[str, ...] | None = None

    def __str__(self) -> str:
        index = f"_{self.index}" if self.index else ""
        argument = f"({''.join(self.argument)})" if self.argument else ""
        return f"{self.head}{index}{self.mark}{argument}"


@lru_cache(maxsize=4096)
def read_name(tokens: Tokens) -> Name | None:
    """The name that ``tokens`` are; None for a number, an expression, or a sentence."""
    if not tokens or tokens[0].kind in ("number", "percent", "infinity", "sign", "relation", "join", "dots", "money"):
        return None
    if tokens[6:] and tokens[0].kind == "open" and tokens[2].kind == "degree" and tokens[4].kind == "close":
        tokens = (tokens[1], OPEN, tokens[3], *tokens[5:], CLOSE)  # (f \circ g)(x) is f(g(x))
    brackets, inside = shell(tokens)
    if brackets == "()":
        parts, _ = split(inside, "join", ",")
        names = [read_name(part) for part in parts]
        return Name("()", argument=tuple(map(str, names))) if len(names) > 1 and all(names) else None
    first = tokens[0]
    if first.kind == "bar":
        return Name("||", argument=symbols(tokens[1:-1])) if len(tokens) == 3 and tokens[2].kind == "bar" else None
    if first.is_("command", "nabla") and (of := read_name(tokens[1:])):
        return replace(of, mark=f"nabla{of.mark}")
    if has_any(tokens, "command", "sign") and (derivative := _derivative(tokens)):
        return derivative
    if _is_quotient(tokens):
        text = "".join(symbols(tokens)).replace("o{", "").replace("c}", "")
        return Name(re.sub(r"([^:/]+)[:/]([^:/]+)", r"frac\1\2", text))
    if first.is_("command", "int", "sum", "prod") or first.is_("function", "lim"):
        return Name("".join(symbols(tokens)))
    if first.kind == "function":
        brackets, inside = shell(tokens[1:])
        is_of_name = brackets == "()" or read_name(inside) is not None
        is_extreme = first.value in ("max", "min", "sup", "inf", "deg")
        return Name(str(first.value), argument=symbols(inside)) if is_extreme or is_of_name else None
    if len(tokens) == 1 and first.kind == "word" and first.is_run and str(first.value).islower():
        return None  # a product
    is_measure = first.is_("name", "m") and has(tokens[1:2], "command", "angle")
    letters = "".join(str(token.value) for token in tokens[is_measure:] if token.kind in ("name", "word"))
    if letters and (is_measure or first.is_("command", "angle")):
        return Name(f"angle {letters[len(letters) // 2]}")  # by its vertex
    if has(tokens, "sign", "cup", "cap", "setminus") and all(token.kind in ("name", "sign") for token in tokens):
        return Name("".join(("set ", *symbols(tokens))))
    if has(tokens, "word") or (len(tokens) > 1 and (is_measure or first.is_("command", *_FIGURES))):
        return _in_words(tokens)
    return _symbol(tokens)


def _is_quotient(tokens: Tokens) -> bool:
    r"""Whether ``tokens`` are a quotient of two names: ``\frac{AB}{CD}``, ``V_1 : V_2``."""
    names = [str(token.value) for token in tokens if token.kind in ("name", "word") and token.value != "pi"]
    others = {token.value for token in tokens if token.kind not in ("name", "word", "number")}
    are_segments = all(_SEGMENT.fullmatch(str(token.value)) for token in tokens if token.kind == "word")
    return len(names) > 1 and are_segments and not others.isdisjoint(("frac", *":/")) and others <= {"frac", *"{}_:/'"}


def _in_words(tokens: Tokens) -> Name | None:
    """The name in ``\\text{Area of } ABC``; None for words that end in a number, deny something or make a sentence."""
    first, words = tokens[0], [str(token.value) for token in tokens if token.kind == "word"]
    if tokens[-1].kind == "number" or has_any(tokens, "relation", "dots"):
        return None
    lowered = {word.lower() for word in words}
    if lowered & _NO_NAMES or lowered >= {"such", "that"} or words[0].lower() in _NO_LEADS:
        return None
    if lowered & _SUBJECTS and lowered & _CHANGES:
        return None
    is_hyphen = [sign.value == "-" and word.is_worded for sign, word in pairwise((*tokens, END))]  # y-intercept
    signs = [token for token, is_part in zip(tokens, is_hyphen, strict=True) if token.kind == "sign" and not is_part]
    if has(signs, "sign", *"+-*/^") or any(token.kind == "join" and token.value != "," for token in tokens):
        return None
    if len(words) == 1 and _SEGMENT.fullmatch(words[0]) and len(tokens) == 1:
        return Name(words[0])
    if first.kind == "word" and len(tokens) > 1 and tokens[1].is_("open", "(") and shell(tokens[1:])[0] == "()":
        return Name(words[0], argument=symbols(shell(tokens[1:])[1]))
    text = plain(tokens).lower()
    head = (_SAME_WORDS.get(word.rstrip("是为"), word) for word in text.split())
    return Name(" ".join(word for word in head if word not in _ARTICLES) or text)


def _derivative(tokens: Tokens) -> Name | None:
    text = "".join(str(token.value) for token in tokens)
    match = _DERIVATIVE.fullmatch(text)  # dy/dx and \frac{dy}{dx}
    return Name(f"frac {match[1]}{match[3]}/{match[1]}{match[4]}", mark="'" * int(match[2] or 1)) if match else None


def _symbol(tokens: Tokens) -> Name | None:
    """A letter with an index, primes and arguments: ``f'_1(x)``."""
    first = tokens[0]
    if first.kind not in ("name", "field") or first.value == "pi":
        return None
    head, at = str(first.value), 1
    if head in ("Delta", "delta") and has(tokens[1:2], "name"):
        head, at = f"{head} {tokens[1].value}", 2
    accent, _, letter = head.partition(" ")
    index, head, mark = "", *((letter, _MARKS[accent]) if accent in _MARKS else (head, ""))
    while at < len(tokens):
        token = tokens[at]
        if token.is_("sign", "_"):
            end = group_end(tokens, at + 1)
            index = "".join(symbols(tokens[at + 1 : end])).replace("o{", "").replace("c}", "")
            at = end
        elif token.is_("sign", "^") and (head in ("sigma", "chi", *"fgh") or (len(head) == 1 and head.isupper())):
            end = group_end(tokens, at + 1)
            power = "".join(symbols(tokens[at + 1 : end]))
            mark, at = f"{mark}^{power}", end
        elif token.is_("sign", "'"):
            mark += "'"
            at += 1
        else:
            break
    if at == len(tokens):
        return Name(head, index, mark)
    brackets, inside = shell(tokens[at:])
    if brackets not in ("()", "[]") or not inside:
        return None
    return Name(head, index, mark, symbols(inside))


def are_other_measures(gold: Iterable[str], answer: Iterable[str]) -> bool:
    """Whether names on each side measure what none on the other does: length and width beside length and height."""
    words = (Counter(re.findall("[a-z]+", " ".join(names))) for names in (gold, answer))
    wanted, given = (Counter({word: count for word, count in side.items() if word in _MEASURES}) for side in words)
    return bool(wanted - given and given - wanted)


def differ(gold: Name, answer: Name) -> bool:
    """Whether two names are of different things: ``f'(x)`` and ``f(x)``, ``f`` and ``g``, AB and BC."""
    if gold == answer:
        return False
    both, heads = (gold, answer), {gold.head, answer.head}
    arguments = [name.argument or () for name in both]
    figures = [_POINTS.fullmatch("".join(name.argument or ()) if name.head == "||" else name.head) for name in both]
    points = [figure[1] or figure[2] for figure in figures if figure]
    if len(points) == 2:  # AB and AC, the vectors AB and BA
        are_vectors = gold.head[:4] == answer.head[:4] == "vec "
        return points[0] != points[1] if are_vectors else sorted(points[0]) != sorted(points[1])
    if any("".join(name.argument or ()) == other.head for name, other in (both, both[::-1])):
        return heads.isdisjoint(("max", "min", "sup", "inf"))  # |z| and z
    if any(head.startswith("frac") for head in heads):
        return gold.mark != answer.mark or gold.head[:4] == answer.head[:4]  # y' may be dy/dx
    if len(heads) > 1:
        are_axes = (heads <= {*"xyz"} or heads == {"mu", "sigma"}) and replace(gold, head=answer.head) == answer
        kinds = [name.head.rpartition(" ")[0] for name in both]
        are_of_kind = kinds[0] == kinds[1] in ("angle", "Delta", "set")
        are_functions = all(arguments) and len({*map(str.lower, heads)} - {"y"}) > 1 == max(map(len, heads))  # f, g
        is_of_set = len({head[0].lower() for head in heads}) > 1 and "".join(arguments[0])[:1].isupper()  # Var(X)
        are_of_same = all(arguments) and arguments[0] == arguments[1] and (is_of_set or min(map(len, heads)) > 1)
        are_opposed = are_other_measures([gold.head], [answer.head])  # maximum and minimum of x
        has_same_index = bool(gold.index) and gold.index == answer.index
        is_derivative = ("'" in gold.mark) != ("'" in answer.mark) and heads <= {*"fghy"}
        are_called = is_derivative or are_functions or are_of_same or are_opposed
        return heads <= FUNCTIONS or "overline z" in heads or are_called or are_axes or are_of_kind or has_same_index
    if gold.mark != answer.mark or (gold.index and answer.index and gold.index != answer.index):
        return True
    are_variables = all([*map(len, argument)] == [1] and "".join(argument).islower() for argument in arguments)
    return all(arguments) and arguments[0] != arguments[1] and not are_variables
