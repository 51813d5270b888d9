r"""Reads matrices and vectors, their multiples and sums: ``2\begin{pmatrix}1\\3\end{pmatrix}``, ``(1, 0) + t(1, -1)``,
and what is written in the same environments: determinants, functions by cases, and systems of equations.
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from dgpo.verifier.answers.conditions import OTHERWISE, WHEN, clauses, without_fillers
from dgpo.verifier.answers.naming import read_name
from dgpo.verifier.answers.number_sets import whole_numbers
from dgpo.verifier.answers.regions import REALS, Read, without
from dgpo.verifier.expressions.tree import Answer, Grid, Named, Node, Operation, Region, Several, Statement, Value
from dgpo.verifier.text.splitting import group_end, in_a_list, plain, shell, split, step, symbols, trimmed
from dgpo.verifier.text.tokens import CLOSE, EQUALS, OPEN, PLUS, TIMES, Token, Tokens, has, has_any, vocabulary

Rows = list[list[Tokens]]
_MATRICES = vocabulary("pmatrix bmatrix matrix smallmatrix array Bmatrix cases")
_DETERMINANTS = vocabulary("vmatrix")
_SYSTEMS = vocabulary("cases aligned align gathered split array")
_PARAMETERS = ("c", "k", "s", "t", "lambda", "mu")
MAX_DETERMINANT = 4
"""Rows: a determinant has as many terms as its rows have orders."""
_TRANSPOSED = ("T", "{T}")
_IN_A_SCALE = frozenset(("number", "name", "command", "open", "close"))


def read_array(tokens: Tokens, read: Read) -> Answer | None:
    """The matrix, the vector, the cases or the solutions that ``tokens`` are; None for anything else."""
    if (body := _transposed(tokens)) and isinstance(array := read(body), Grid | Several):
        if isinstance(array, Several):
            return replace(array, brackets="()")
        return array if len({*map(len, array.rows)}) != 1 else Grid(tuple(zip(*array.rows, strict=True)), tokens)
    if computed := _determinant(tokens, read) or _product(tokens, read):
        return computed
    rows = _rows(tokens, _SYSTEMS)
    if rows and (answer := _solutions(rows, read) or _cases(rows, read)):
        return answer
    terms, signs = split(tokens, "sign", "+", "-")
    signs = [PLUS, *signs] if terms[0] else signs
    terms = [term for term in terms if term]
    arrays = [array for term in terms if (array := _array(term)) is not None]
    shapes = {tuple(map(len, rows)) for _, rows in arrays}
    if len(shapes) != 1 or not len(arrays) == len(terms) == len(signs):
        return None
    is_grid = any(token.kind == "command" and str(token.value).startswith("begin ") for token in terms[-1])
    scale, cells = arrays[0]
    is_plain = len(arrays) == 1 and signs[0] is PLUS
    is_parameter = len(scale) == 1 and scale[0].is_("name", *_PARAMETERS)  # t(1, 2), but P(1, 2) is a named point
    if is_plain and not is_grid and (not scale or (has(scale, "name") and not is_parameter)):
        return None
    if not is_plain or scale:
        cells = [[_sum(signs, arrays, row, column) for column in range(len(cells[row]))] for row in range(len(cells))]
    if not is_grid:
        return Several("()", tuple(read(row[0]) for row in cells))
    return Grid(tuple(tuple(map(read, row)) for row in cells), tokens)


def _transposed(tokens: Tokens) -> Tokens:
    r"""``(1, 2)`` of ``(1, 2)^T``, also of a matrix; nothing where no power T is."""
    body, cuts = split(tokens, "sign", "^")
    is_transposed = len(cuts) == 1 and "".join(str(token.value) for token in body[-1]) in _TRANSPOSED
    return body[0] if is_transposed and (_rows(body[0], _MATRICES) or shell(body[0])[0] in ("()", "[]")) else ()


def _sum(signs: list[Token], arrays: list[tuple[Tokens, Rows]], row: int, column: int) -> Tokens:
    """One cell of a sum of matrices, each with its sign and factor."""
    total: Tokens = ()
    for sign, (scale, cells) in zip(signs, arrays, strict=True):
        factor = (OPEN, *scale, CLOSE, TIMES) if scale else ()
        total = (*total, sign, *factor, OPEN, *cells[row][column], CLOSE)
    return total


def _array(tokens: Tokens) -> tuple[Tokens, Rows] | None:
    """The factor and the rows of a matrix or of ``t(1, 1, -1)``, which is a column; None for anything else."""
    depth, start = step(tokens[-1]), len(tokens) - 1
    while depth and start:
        start -= 1
        depth += step(tokens[start])
    body, scale = tokens[start:], tokens[:start]
    rows = _rows(body, _MATRICES)
    if rows is None and shell(body)[0] == "()":
        rows = [[part] for part in split(body[1:-1], "join", ",")[0]]
    scale = scale[:-1] if scale and scale[-1].is_("sign", "*") else scale
    is_scale = all(
        token.kind in _IN_A_SCALE or (token.is_("word") and token.is_product) or token.is_("sign", *"/*-^")
        for token in scale
    )
    is_whole = rows is not None and (len(rows) > 1 or len(rows[0]) > 1) and all(cell for row in rows for cell in row)
    return (scale, rows) if rows and is_scale and is_whole else None


def _determinant(tokens: Tokens, read: Read) -> Value | None:
    """The value of a square between bars or behind ``det``; None for anything else."""
    is_named = tokens[0].is_("function", "det")
    rows = _rows(tokens[is_named:], _MATRICES if is_named else _DETERMINANTS)
    if not rows or len(rows) > MAX_DETERMINANT or any(len(row) != len(rows) or not all(row) for row in rows):
        return None
    cells = [[read(cell) for cell in row] for row in rows]
    nodes = [[cell.node for cell in row if isinstance(cell, Value) and not cell.is_opaque] for row in cells]
    return Value(_expanded(nodes), tokens) if all(len(row) == len(rows) for row in nodes) else None


def _product(tokens: Tokens, read: Read) -> Grid | None:
    r"""The product of two matrices side by side; None for anything else."""
    middle = group_end(tokens, 0)
    start = middle + has(tokens[middle : middle + 1], "sign", "*")
    left, right = _rows(tokens[:middle], _MATRICES), _rows(tokens[start:], _MATRICES)
    if not left or not right or any(len(row) != len(right) for row in left) or len({*map(len, right)}) != 1:
        return None
    return Grid(tuple(tuple(read(_dotted(row, column)) for column in zip(*right, strict=True)) for row in left), tokens)


def _dotted(row: Sequence[Tokens], column: Sequence[Tokens]) -> Tokens:
    """The sum of the products of cells."""
    pairs = zip(row, column, strict=True)
    return tuple(token for one, two in pairs for token in (PLUS, OPEN, *one, CLOSE, TIMES, OPEN, *two, CLOSE))


def _expanded(rows: Sequence[list[Node]]) -> Node:
    """A determinant by the cells of its first row."""
    if len(rows) == 1:
        return rows[0][0]
    minors = ([row[:place] + row[place + 1 :] for row in rows[1:]] for place in range(len(rows)))
    terms = [Operation("*", (cell, _expanded(minor))) for cell, minor in zip(rows[0], minors, strict=True)]
    return Operation("+", tuple(Operation("-", (term,)) if place % 2 else term for place, term in enumerate(terms)))


def _rows(tokens: Tokens, kinds: frozenset[str]) -> Rows | None:
    """The cells of an environment of one of ``kinds``, perhaps in brackets; None for anything else."""
    if len(tokens) > 2 and tokens[0].kind == "open" and tokens[-1].kind == "close":
        tokens = tokens[1:-1]
    if not tokens or tokens[0].kind != "command" or str(tokens[0].value).removeprefix("begin ") not in kinds:
        return None
    if group_end(tokens, 0) < len(tokens) or not str(tokens[-1].value).startswith("end "):
        return None
    rows = [trimmed(row) for row in split(tokens[1:-1], "row")[0] if row]
    return [[trimmed(cell) for cell in split(row, "cell")[0]] for row in rows] or None


def _solutions(rows: Rows, read: Read) -> Answer | None:
    """Equations one below the other, each solved for a name, as a list, and so points or solutions; else None."""
    lines = [tuple(token for cell in row for token in cell) for row in rows]
    if all(has(line, "join") for line in lines):
        points = [read(in_a_list([cell for cell in row if cell])) for row in rows]
        are_points = all(isinstance(point, Named) or getattr(point, "brackets", "") == "()" for point in points)
        return Several("", tuple(points)) if are_points else None
    sides = [split(line, "relation", "=")[0] for line in lines]
    if not any(side[0] for side in sides[1:]):
        return read(tuple(token for line in lines for token in line))  # x &= 3 \cdot 4 \\ &= 12
    if not all(len(side) == 2 and read_name(side[0]) for side in sides):
        return None
    if any(token.kind in ("word", "join") for line in lines for token in line):
        return None
    return read(in_a_list(lines))


def _cases(rows: Rows, read: Read) -> Answer | None:
    r"""Rows of a value and its condition, ``x & \text{if } x \ge 0``, as a set of such pairs; None for other rows."""
    rows = [_at_comma(row[0]) if len(row) == 1 else row for row in rows]
    if any(len(row) != 2 or not row[0] for row in rows):
        return None
    conditions = [_condition(row[1], read) for row in rows]
    if None in conditions:
        return None
    if rows[-1][1][0].word in OTHERWISE:
        conditions[-1] = _remaining(conditions[:-1]) or conditions[-1]
    pairs = zip((row[0] for row in rows), filter(None, conditions), strict=True)
    return Several("{}", tuple(Several("()", (read(value), condition)) for value, condition in pairs))


def _remaining(conditions: Sequence[Answer | None]) -> Answer | None:
    """The condition of the last case, ``otherwise``, behind cases of inequalities or one of remainders; else None."""
    match conditions:
        case [Statement(("remainders of", modulus, *rests, kind, low)) as said]:
            others = (str(rest) for rest in range(int(modulus)) if str(rest) not in rests)
            return None if kind else replace(said, symbols=("remainders of", modulus, *others, kind, low))
    known = [condition for condition in conditions if isinstance(condition, Region)]
    if len({region.variable for region in known}) != 1 or len(known) < len(conditions):
        return None
    pieces = without(REALS, [piece for region in known for piece in region.pieces])
    return Region(known[0].variable, tuple(pieces)) if pieces else None


def _condition(tokens: Tokens, read: Read) -> Answer | None:
    """When a case holds: ``n is even`` and ``even n`` are the same; None for a text without a relation or a word."""
    if numbers := whole_numbers(plain(without_fillers(tokens)), is_answer=True):
        low = max(numbers.low or 0, 1)
        said = ("remainders of", numbers.modulus, *sorted(numbers.rests), numbers.kind, low)
        return Statement(tuple(map(str, said)), tokens, True)
    condition = tuple(token for token in without_fillers(tokens) if token.word != "is")
    return read(condition) if has_any(condition, "relation", "word") else None


def cases_in_words(parts: Sequence[Tokens], read: Read) -> Answer | None:
    """``n/2 if n is even, n if n is odd`` as `_cases`, or as words where a case is not clear; None for other lists."""
    rows: Rows = []
    for part in parts:
        if part[0].word in OTHERWISE and part[1:]:
            part = (*part[1:], part[0])
        start = next((index for index, token in enumerate(part) if token.word in WHEN | OTHERWISE), len(part))
        if start:
            rows.append([part[:start]])
        if start < len(part):
            rows[-1:] = [[*rows[-1], part[start:]]] if rows else [[part]]
    if sum(len(row) > 1 for row in rows) < 2:
        return None
    if all(len(row) == 2 for row in rows):
        return _cases(rows, read)
    tokens = in_a_list(parts)
    return Statement(symbols(tokens), tokens, is_words=True)


def first_terms(parts: Sequence[Tokens], read: Read) -> Answer | None:
    r"""``a_1 = 2, a_n = 2^{n-1} (n \ge 2)`` as `_cases`; None for other lists."""
    rows: Rows = []
    names = []
    for part in parts:
        left, *right = split(part, "relation", "=")[0]
        name, value = read_name(left) if right else None, part[len(left) + 1 :]
        if name and name.index:
            names.append(name)
            rows.append([*next((cut for cut in clauses(value) if has(cut[1], "relation")), (value,))])
        elif rows and len(rows[-1]) == 1:
            rows[-1].append(part)  # , n \ge 2
    letters = {name.index for name in names if name.index.isalpha()}
    if len({name.head for name in names}) != 1 or len(letters) != 1 or len(names) == 1:
        return None
    letter = letters.pop()
    for name, row in zip(names, rows, strict=True):
        if name.index.isdecimal():
            index = Token("number", Fraction(name.index), name.index)
            row[1:] = [(Token("name", letter, letter), EQUALS, index)]
    return _cases(rows, read) if all(len(row) == 2 for row in rows) else None


def _at_comma(tokens: Tokens) -> list[Tokens]:
    """The value and the condition of ``2x, x > 0``; the row as it is where it begins with a relation."""
    value, *rest = split(tokens, "join", ",")[0]
    return [value, in_a_list(rest)] if rest and not has_any(value, "relation") else [tokens]
