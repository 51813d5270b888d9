r"""Is an answer an expression of the problem, handed back? It has the right value and answers nothing.

Boxing the first formula of a problem wins one in ten of MATH-style problems with any verifier that evaluates.
"""

from functools import lru_cache

from dgpo.verifier.lexer import lex
from dgpo.verifier.reading import Reading
from dgpo.verifier.splitting import split, symbols
from dgpo.verifier.tokens import Token, Tokens, Unreadable
from dgpo.verifier.tree import Node, Operation, Value

_NEIGHBOURS = frozenset(("word", "join", "relation", "open", "close", "dots", "end", "row", "cell", "command"))
"""What stands beside an expression and is no part of it."""
_END = Token("end", "", "")


def is_echo(problem: str, gold: Reading, answer: Reading) -> bool:
    """Whether ``answer`` is an expression of ``problem`` and ``gold`` is another way to write its value.

    A number in its lowest terms and a lone name are no expressions: a problem may name its answer.
    """
    sides, _ = split(answer.tokens, "relation", "=")
    expression = sides[-1]
    if len(expression) < 2 or symbols(expression) == gold.symbols:
        return False
    tree = answer.tree
    if isinstance(tree, Value) and tree.node is not None:
        if _is_plain(tree.node):
            return False
        if (
            isinstance(gold.tree, Value)
            and gold.tree.node is not None
            and _ordered(gold.tree.node) == _ordered(tree.node)
        ):
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
    width = len(wanted)
    for start in range(len(problem) - width + 1):
        if (problem[start].kind, problem[start].value) != wanted[0]:
            continue
        if [(token.kind, token.value) for token in problem[start : start + width]] == wanted:
            before = problem[start - 1] if start else _END
            after = problem[start + width] if start + width < len(problem) else _END
            if all(token.kind in _NEIGHBOURS or token.is_("sign", ".", ":") for token in (before, after)):
                return True
    return False


def _is_plain(node: Node) -> bool:
    """A number in its lowest terms, or a name."""
    if isinstance(node, Operation) and node.function == "-":
        return _is_plain(node.operands[0])
    if isinstance(node, Operation) and node.function == "*" and len(node.operands) == 2:
        above, below = node.operands
        if isinstance(above, Operation) or not isinstance(below, Operation) or below.function != "/":
            return False
        number = below.operands[0]
        if isinstance(above, str) or isinstance(number, Operation | str):
            return False
        return above.denominator == number.denominator == 1 and (above / number).denominator == number
    return not isinstance(node, Operation)


def _ordered(node: Node) -> Node:
    """One order of terms and factors, and nothing computed."""
    if not isinstance(node, Operation):
        return node
    operands = tuple(map(_ordered, node.operands))
    return Operation(node.function, tuple(sorted(operands, key=repr)) if node.function in ("+", "*") else operands)
