r"""Is an answer an expression of the problem, handed back? It has the right value and answers nothing.

Boxing the first formula of a problem wins one in ten of MATH-style problems with any verifier that evaluates.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import groupby

from dgpo.verifier.answers.grammar import read_answer
from dgpo.verifier.answers.reading import Reading
from dgpo.verifier.expressions.arithmetic import exact
from dgpo.verifier.expressions.tree import (
    Answer,
    Equation,
    Given,
    Node,
    Operation,
    Region,
    Several,
    Statement,
    Value,
    functions,
    quotient,
    subtrees,
)
from dgpo.verifier.expressions.values import equal, ordered
from dgpo.verifier.text.lexer import lex
from dgpo.verifier.text.splitting import split, split_where, symbols
from dgpo.verifier.text.tokens import Token, Tokens, Unreadable

_BOUNDARIES: tuple[Callable[[Token], bool], ...] = (
    lambda token: token.value == "." or token.is_("sign", ":"),
    lambda token: token.kind in ("join", "row", "cell"),
    lambda token: token.kind == "relation",
)


def is_echo(problem: str, gold: Reading, answer: Reading) -> bool:
    """Whether ``answer``, which equals ``gold``, is copied from ``problem`` and ``gold`` is written in another way.

    A number in its lowest terms or a lone name is never an echo: a problem may name its answer.
    """
    expression = split(answer.tokens, "relation", "=")[0][-1]
    are_equations = isinstance(gold.tree, Equation) and isinstance(answer.tree, Equation)
    if (len(expression) < 2 and not are_equations) or symbols(expression) == gold.symbols:
        return False
    given, known = {ordered(node) for node in _nodes(gold.tree)}, _expressions(problem)
    is_named = isinstance(answer.tree, Equation) and not are_equations
    all_nodes = [*_nodes(read_answer(expression) if is_named else answer.tree)]
    nodes = [node for node in all_nodes if not _is_plain(node) and ordered(node) not in given]
    if all_nodes and not nodes and isinstance(answer.tree, Region | Value):
        return False
    is_known = len(expression) > 1 and symbols(expression) in known
    return is_known or any(_is_copied(node, known) for node in nodes)


def _nodes(tree: Answer) -> Iterator[Node]:
    r"""The expressions of a value or of a list; of ``7^{23} \bmod 10``, which is 3, all of it, as of a relation."""
    if isinstance(tree, Several):
        for item in tree.items:
            yield from _nodes(item)
    elif isinstance(tree, Value):
        whole = read_answer(tree.tokens) if tree.unit.startswith("mod ") else tree
        yield Operation("mod", (whole.node,)) if whole is not tree and isinstance(whole, Value) else tree.node
    elif isinstance(tree, Given):
        yield from _nodes(tree.value)
    elif isinstance(tree, Equation):
        yield from _relation(tree.sides, ["="] * (len(tree.sides) - 1))
    elif isinstance(tree, Region | Statement):
        sides, signs = split(tree.tokens, "relation")
        yield from _relation(sides, [str(sign.value) for sign in signs])


def _relation(sides: Sequence[Tokens], signs: list[str]) -> Iterator[Node]:
    """``x < 5``, which is ``5 > x``, as an operation on its sides; nothing where a side is no expression."""
    trees = [read_answer(side) for side in sides]
    nodes = [ordered(tree.node) for tree in trees if isinstance(tree, Value)]
    if signs == ["="]:
        nodes.sort(key=hash)
    elif signs and signs[0].startswith(">"):
        nodes, signs = nodes[::-1], [sign.replace(">", "<") for sign in signs[::-1]]
    if len(nodes) == len(sides) > 1:
        yield Operation("relation", (*signs, *nodes))


def _is_copied(node: Node, known: Collection[tuple[str, ...] | Node]) -> bool:
    """Whether an expression of the problem is in ``node`` and has its value, or is only to be rounded, or divided."""
    is_of_whole = not functions(node).isdisjoint(("mod", "floor", "ceil"))
    return any(
        not _is_plain(part) and ordered(part) in known and (part is node or is_of_whole or equal(node, part))
        for part in ((node,) if "relation" in functions(node) else subtrees(node))
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
    for side in dict.fromkeys(sides):
        expressions.add(symbols(side))
        if len(side) > 1 and isinstance(tree := read_answer(side), Equation | Region | Statement | Value):
            expressions.update(map(ordered, _nodes(tree)))
    return frozenset(expressions)


def _is_plain(node: Node) -> bool:
    """Whether ``node`` is a number in its lowest terms, or a name, perhaps with a sign, or a relation of such."""
    if isinstance(node, Operation) and node.function == "-":
        return _is_plain(node.operands[0])
    if isinstance(node, Operation) and node.function == "relation":
        return all(isinstance(operand, Fraction) or _is_plain(operand) for operand in node.operands)
    number = exact(node)
    is_lowest = number is not None and node == quotient(Fraction(number.numerator), Fraction(number.denominator))
    return is_lowest or isinstance(node, str)
