r"""Is an answer an expression of the problem, handed back? It has the right value and answers nothing.

Boxing the first formula of a problem wins one in ten of MATH-style problems with any verifier that evaluates.
"""

from collections.abc import Callable, Collection, Iterator
from fractions import Fraction
from functools import lru_cache
from itertools import groupby

from dgpo.verifier.answers.grammar import read_answer
from dgpo.verifier.answers.reading import Reading
from dgpo.verifier.expressions.arithmetic import exact
from dgpo.verifier.expressions.tree import Answer, Node, Operation, Several, Value, functions, quotient, subtrees
from dgpo.verifier.expressions.values import equal, ordered
from dgpo.verifier.text.lexer import lex
from dgpo.verifier.text.splitting import split, split_where, symbols
from dgpo.verifier.text.tokens import Token, Unreadable, has

_BOUNDARIES: tuple[Callable[[Token], bool], ...] = (
    lambda token: token.value == ".",
    lambda token: token.kind in ("join", "row", "cell"),
    lambda token: token.kind == "relation",
)


def is_echo(problem: str, gold: Reading, answer: Reading) -> bool:
    """Whether ``answer``, which equals ``gold``, is copied from ``problem`` and ``gold`` is written in another way.

    A number in its lowest terms or a lone name is never an echo: a problem may name its answer.
    """
    sides, _ = split(answer.tokens, "relation", "=")
    expression = sides[-1]
    if len(expression) < 2 or symbols(expression) == gold.symbols:
        return False
    given, known = {ordered(node) for node in _nodes(gold.tree)}, _expressions(problem)
    nodes = [node for node in _nodes(answer.tree) if not _is_plain(node) and ordered(node) not in given]
    if not nodes and isinstance(answer.tree, Value):
        return False
    return symbols(expression) in known or any(_is_copied(node, known) for node in nodes)


def _nodes(tree: Answer) -> Iterator[Node]:
    r"""The expressions of a value or of a list; of ``7^{23} \bmod 10``, which is 3, all of it."""
    if isinstance(tree, Several):
        for item in tree.items:
            yield from _nodes(item)
    elif isinstance(tree, Value):
        whole = read_answer(tree.tokens) if tree.unit.startswith("mod ") else tree
        yield Operation("mod", (whole.node,)) if whole is not tree and isinstance(whole, Value) else tree.node


def _is_copied(node: Node, known: Collection[tuple[str, ...] | Node]) -> bool:
    """Whether an expression of the problem is in ``node`` and has its value, or is only to be rounded, or divided."""
    is_of_whole = not functions(node).isdisjoint(("mod", "floor", "ceil"))
    return any(
        not _is_plain(part) and ordered(part) in known and (part is node or is_of_whole or equal(node, part))
        for part in subtrees(node)
    )


@lru_cache(maxsize=1024)  # a group of responses has one problem
def _expressions(problem: str) -> frozenset[tuple[str, ...] | Node]:
    """The expressions between the words, commas and relations of ``problem``, each by its symbols and by its tree."""
    try:
        groups = groupby(lex(problem), key=lambda token: token.kind == "word" and not token.is_product)
    except Unreadable:
        return frozenset()
    sides = [tuple(group) for _, group in groups]
    for is_cut in _BOUNDARIES:
        sides += [part for side in sides for part in split_where(side, is_cut)[0]]
    expressions: set[tuple[str, ...] | Node] = set()
    for side in dict.fromkeys(side[has(side[:1], "sign", ":") :] for side in sides):
        expressions.add(symbols(side))
        if len(side) > 1 and isinstance(tree := read_answer(side), Value):
            expressions.add(ordered(tree.node))
    return frozenset(expressions)


def _is_plain(node: Node) -> bool:
    """Whether ``node`` is a number in its lowest terms, or a name, perhaps with a sign."""
    if isinstance(node, Operation) and node.function == "-":
        return _is_plain(node.operands[0])
    number = exact(node)
    is_lowest = number is not None and node == quotient(Fraction(number.numerator), Fraction(number.denominator))
    return is_lowest or isinstance(node, str)
