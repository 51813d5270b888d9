r"""Is an answer an expression of the problem, handed back? It has the right value and answers nothing.

Boxing the first formula of a problem wins one in ten of MATH-style problems with any verifier that evaluates.
"""

from fractions import Fraction
from functools import lru_cache

from dgpo.verifier.lexer import lex
from dgpo.verifier.reading import Reading
from dgpo.verifier.splitting import split, symbols
from dgpo.verifier.tokens import END, Token, Tokens, Unreadable
from dgpo.verifier.tree import Node, Operation, Value, quotient
from dgpo.verifier.values import exact

_NEIGHBOURS = frozenset(("word", "join", "relation", "open", "close", "dots", "end", "row", "cell", "command"))
"""What stands beside an expression and is no part of it."""


def is_echo(problem: str, gold: Reading, answer: Reading) -> bool:
    """Whether ``answer`` is an expression of ``problem`` and ``gold`` is another way to write its value.

    A number in its lowest terms and a lone name are no expressions: a problem may name its answer.
    """
    sides, _ = split(answer.tokens, "relation", "=")
    expression = sides[-1]
    if len(expression) < 2 or symbols(expression) == gold.symbols:
        return False
    node = answer.tree.node if isinstance(answer.tree, Value) else None
    wanted = gold.tree.node if isinstance(gold.tree, Value) else None
    if node is not None and (_is_plain(node) or (wanted is not None and _ordered(wanted) == _ordered(node))):
        return False
    return _stands_in(expression, _tokens(problem))


@lru_cache(maxsize=1024)  # a group of responses has one problem
def _tokens(problem: str) -> Tokens:
    try:
        return lex(problem)
    except Unreadable:
        return ()


def _stands_in(expression: Tokens, problem: Tokens) -> bool:
    wanted = [(token.kind, token.value) for token in expression]
    found = [(token.kind, token.value) for token in problem]
    padded = (END, *problem, END)
    return any(
        found[start : start + len(wanted)] == wanted
        and _may_stand_beside(padded[start])
        and _may_stand_beside(padded[start + len(wanted) + 1])
        for start in range(len(found) - len(wanted) + 1)
    )


def _may_stand_beside(token: Token) -> bool:
    return token.kind in _NEIGHBOURS or token.is_("sign", ".", ":")


def _is_plain(node: Node) -> bool:
    """A number in its lowest terms, or a name."""
    if isinstance(node, Operation) and node.function == "-":
        return _is_plain(node.operands[0])
    number = exact(node)
    is_lowest = number is not None and node == quotient(Fraction(number.numerator), Fraction(number.denominator))
    return is_lowest or not isinstance(node, Operation)


def _ordered(node: Node) -> Node:
    """One order of terms and factors, and nothing computed."""
    if not isinstance(node, Operation):
        return node
    operands = tuple(map(_ordered, node.operands))
    return Operation(node.function, tuple(sorted(operands, key=repr)) if node.function in ("+", "*") else operands)
