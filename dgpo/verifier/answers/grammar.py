r"""Reads tokens as an answer: a list, set, tuple, interval, matrix, equation, ratio, or a value with its unit.

`equality` says how each kind is compared, and `policy` what a person may argue about.
"""

from dataclasses import replace
from functools import lru_cache
from itertools import product

from dgpo.verifier.answers import conditions, regions
from dgpo.verifier.answers.arrays import cases_in_words, first_terms, read_array
from dgpo.verifier.answers.labels import enumerated, labelled, read_named
from dgpo.verifier.answers.lists import joined, permuted, written_out
from dgpo.verifier.answers.logic import truth_table
from dgpo.verifier.answers.naming import read_name
from dgpo.verifier.answers.number_sets import group, number_set
from dgpo.verifier.expressions import quantities
from dgpo.verifier.expressions.arithmetic import exact
from dgpo.verifier.expressions.quantities import statement
from dgpo.verifier.expressions.tree import Answer, Equation, Given, Named, Region, Several, Statement, Value
from dgpo.verifier.text.splitting import (
    in_a_list,
    opened,
    separated,
    shell,
    split,
    split_at_bar,
    symbols,
    with_both_signs,
)
from dgpo.verifier.text.tokens import COMMA, EQUALS, Token, Tokens, Unreadable, has, vocabulary

MAX_DEPTH = 12
_REPLIES = vocabulary("true false yes no t f")


@lru_cache(maxsize=4096)  # a side of an equation is asked for in several comparisons
def read_answer(tokens: Tokens) -> Answer:
    """The tree of ``tokens``; a `Statement` where a part is empty or nested too deep."""
    try:
        return _Reader().read(opened(tokens))
    except Unreadable:
        return statement(tokens)


class _Reader:
    """Reads an answer, and with it its parts, each once and at most `MAX_DEPTH` deep."""

    def __init__(self) -> None:
        self._depth = 0
        self._answers: dict[Tokens, Answer] = {}

    def read(self, tokens: Tokens) -> Answer:
        answer = self._answers.get(tokens)
        if answer is None:
            if self._depth > MAX_DEPTH:
                raise Unreadable("nested too deep")
            self._depth += 1
            answer = self._answers[tokens] = self._read(tokens)
            self._depth -= 1
        return answer

    def _read(self, tokens: Tokens) -> Answer:
        tokens = in_a_list(split(opened(tokens), "row")[0])
        if not tokens:
            raise Unreadable("nothing to read")
        if len(parts := enumerated(tokens)) > 1:
            return Named(tuple(f"({index})" for index in range(len(parts))), tuple(map(self.read, parts)))
        if symbols_alone := truth_table(tokens) or group(tokens):
            return Statement(symbols_alone, tokens, is_words=True)
        tokens = conditions.without_remarks(split(tokens, "command", "implies")[0][-1] or tokens)
        if values := written_out(tokens, self.read):
            return values
        value, said = conditions.split_condition(tokens, self.read)
        if said:
            inside = self.read(value)
            letter = inside.variable if isinstance(inside, Region) and len(said) == 1 else ""
            return regions.among(inside, said.get(letter)) or Given(inside, said)
        tokens = opened(value)
        tokens = conditions.with_other_form(tokens)
        if (orders := permuted(tokens, self.read)) is not None:
            return orders
        if (array := read_array(tokens, self.read)) is not None:
            return array
        if (quantity := quantities.side_by_side(tokens)) is not None:
            return Several("", tuple(map(self.read, quantity)))
        sets, signs = split(tokens, "sign", "setminus")
        core = tokens if number_set(sets[0]) else conditions.without_fillers(tokens)
        if signs and (region := regions.read_union(core, self.read)):  # all real numbers except 1, all n >= 3 except 4
            return regions.among(region, conditions.spoken_numbers(tokens)) or region
        parts, cuts = split(tokens, "join")
        cuts = [] if quantities.in_words(tokens) else cuts  # one hundred and five
        return self._list(tokens, parts, cuts) if cuts else self._relation(tokens)

    def _list(self, tokens: Tokens, parts: list[Tokens], cuts: list[Token]) -> Answer:
        joints = {str(cut.value) for cut in cuts}
        parts = [part for part in parts if part]
        if not parts or "maybe" in joints:  # 1 and maybe 2
            raise Unreadable("an empty list")
        if (residues := self._residues(parts)) is not None:
            return residues
        if (region := regions.read_conditions(parts, joints, self.read)) is not None:
            return region
        if (cases := first_terms(parts, self.read)) is not None:
            return cases
        if (named := read_named(tokens, self._each)) is not None:
            return named
        if (cases := cases_in_words(parts, self.read)) is not None:
            return cases
        tokens = separated(tokens) if "," in joints else tokens
        members = [part for part in split(tokens, "join")[0] if part]
        (name, *value), _ = split(members[0], "relation", "=")
        if value and has(name[:1], "open", "(") and read_name(name):  # (x, y) = (1, 2), (2, 1)
            members = [member if has(member, "relation") else (*name, EQUALS, *member) for member in members]
        items = [item for member in members for item in self._each(member)]
        answer = joined(items)
        if not isinstance(answer, Several):
            return answer
        are_replies = all(len(member) == 1 and str(member[0].value).lower() in _REPLIES for member in members)
        is_ordered = are_replies or (joints == {";"} and all(isinstance(item, Value) for item in answer.items))
        return replace(answer, is_ordered=is_ordered, is_either=joints == {"or"})

    def _residues(self, parts: list[Tokens]) -> Answer | None:
        r"""The list of ``1 \pmod 8`` and ``3 \pmod 8`` of ``x \equiv 1, 3 \pmod 8``; None for anything else."""
        sides = split(parts[0], "relation", "equiv")[0]
        places = [index for index, token in enumerate(parts[-1]) if token.is_("command", "pmod", "mod")]
        is_other = any(has(part, "command", "pmod", "mod") for part in parts[:-1])
        if len(sides) != 2 or len(places) != 1 or is_other or not read_name(sides[0]):
            return None
        values, modulus = [sides[1], *parts[1:-1], parts[-1][: places[0]]], parts[-1][places[0] :]
        return joined([self.read((*value, *modulus)) for value in values])

    def _each(self, tokens: Tokens) -> list[Answer]:
        return [self.read(item) for item in _items(tokens)]

    def _relation(self, tokens: Tokens) -> Answer:
        """An equation, an inequality or a member of a set; without a relation, what `_union` reads."""
        sides, signs = split(tokens, "relation")
        relations = [str(sign.value) for sign in signs]
        if named := labelled(tokens) if not signs or tokens[0].kind == "word" else None:  # Area: 5, Domain: x > 0
            return Equation((named[0], opened(named[1])), 2)
        if not signs:
            return self._union(tokens)
        sets, cups = split(tokens, "sign", "cup")
        if cups and (union := regions.read_conditions(sets, ("or",), self.read)):
            return union  # x < 1 \cup x > 2
        if tokens[0].kind == "name" and tokens[1].kind == "bar" and (members := self._members(tokens)):
            return members  # {x | x > 3} in braces of no meaning
        if (core := conditions.without_fillers(tokens)) != tokens and core[0].kind in ("name", "number", "bar"):
            region = self._relation(core)
            return regions.among(region, conditions.spoken_numbers(tokens)) or region  # all integers n >= 3
        if relations[0] == "~" and not sides[0] and tokens[1:]:
            return self._relation(tuple(tokens[1:]))
        if set(relations) <= {"=", "~", "equiv"} and all(sides):
            name = read_name(sides[0])
            is_variable = name and relations == ["="] and (name.argument or len(str(name)) == 1)
            start = len(sides[0]) + 1 if is_variable else 0
            is_chain = relations == ["=", "="] and len(sides[1]) == 1  # x = y = \pm 1
            if (start or relations == ["equiv"] or is_chain or not name) and len(signed := _items(tokens[start:])) > 1:
                return self.read(in_a_list([(*tokens[:start], *item) for item in signed]))  # y = 2x, y = -2x
            if relations == ["equiv"] or (set(relations) == {"equiv"} and has(sides[-1], "command", "pmod", "mod")):
                return _congruence(sides, tokens)
            if relations == ["="] and (named := self._coordinates(sides)):
                return named
            approximate = relations.index("~") + 1 if "~" in relations else len(sides)
            return Equation(tuple(map(opened, sides)), approximate)
        if relations == ["in"]:
            return self._member(sides, tokens)
        region = regions.read_conditions([tokens], (), self.read) or regions.read_inequality(tokens, self.read)
        return replace(region, tokens=tokens) if region else statement(tokens)

    def _coordinates(self, sides: list[Tokens]) -> Named | None:
        """``x = 1`` and ``y = 2`` of ``(x, y) = (1, 2)``; None for anything else."""
        name, (brackets, inside) = read_name(sides[0]), shell(opened(sides[1]))
        parts, names = split(separated(inside), "join")[0], name.argument or () if name and name.head == "()" else ()
        if not names or brackets != "()" or len(parts) != len(names) or not all(parts) or len(_items(sides[1])) > 1:
            return None
        return Named(names, tuple(map(self.read, parts)))

    def _member(self, sides: list[Tokens], tokens: Tokens) -> Answer:
        name, inside = read_name(sides[0]), self.read(sides[1])
        region = regions.as_region(inside) if isinstance(inside, Several) else inside
        if name and isinstance(region, Region):
            return replace(region, variable=str(name)) if region.pieces != regions.REALS else region
        return inside if name and (isinstance(inside, Several) or number_set(sides[1])) else statement(tokens)

    def _union(self, tokens: Tokens) -> Answer:
        """A set of numbers, a union of intervals, both signs of a value, or what stands in brackets; else a scalar."""
        if tokens[0].kind == "field" and has(tokens[1:2], "sign", "-"):
            tokens = (tokens[0], replace(tokens[1], value="setminus"), *tokens[2:])
        if numbers := number_set(tokens):
            return numbers
        if split(tokens, "sign", "cup", "setminus")[1]:
            return regions.read_union(tokens, self.read) or statement(tokens)
        if len(_items(tokens)) > 1:
            return Several("", tuple(self.read(item) for item in _items(tokens)))
        brackets, inside = shell(tokens)
        if brackets:
            return self._bracketed(tokens, brackets, inside)
        return quantities.read_scalar(tokens)

    def _bracketed(self, tokens: Tokens, brackets: str, inside: Tokens) -> Answer:
        if not inside:
            return Several(brackets, ())
        if brackets == "{}" and (family := _family(inside, self.read)):
            member = self.read(family)
            value = member.value if isinstance(member, Given) else None
            is_set = isinstance(member, Region) or isinstance(value, Several | Region)
            return member if is_set else Several("{}", (member,))
        halves = in_a_list(split_at_bar(inside)[0]) if brackets == "{}" else ()
        if halves != inside and isinstance(values := written_out(halves, self.read), Several):
            return replace(values, brackets="{}")  # 2k : 1 <= k <= 5
        if brackets == "{}" and (members := self._members(inside) or read_named(inside, self._each)):
            return members
        inside = separated(inside)
        parts, _ = split(inside, "join")
        if len(parts) < 2 and brackets in ("()", "[]") and len(_items(inside)) < 2:
            return quantities.read_scalar(tokens) if not has(inside, "relation") else self.read(inside)
        items = [item for part in parts for item in (_items(part) if brackets == "{}" or len(parts) == 1 else [part])]
        values = [self.read(item) for item in items]
        if brackets == "{}" and len(values) == 1 and getattr(values[0], "brackets", "") == "()":
            return values[0]  # the point of {(1, 2)}
        return joined(values, brackets=brackets)

    def _members(self, tokens: Tokens) -> Answer | None:
        r"""The region of ``x \mid x > 2``, and the equation of ``(x, y) \mid x + y = 1``; None for anything else."""
        (first, *_), bars = split_at_bar(tokens)
        name = read_name(first[: 1 if has(first, "relation", "in") else None])
        if not bars or not name or not tokens[len(first) + 1 :]:
            return None
        is_member = has(first, "relation", "in") and symbols(first[-2:]) != ("in", "R")
        members = self.read((*first, COMMA, *tokens[len(first) + 1 :]) if is_member else tokens[len(first) + 1 :])
        if isinstance(members, Region) and members.variable == str(name):
            return replace(members, variable="")
        return members if name.head == "()" else None


def _items(tokens: Tokens) -> list[Tokens]:
    r"""``1 + a`` and ``1 - a`` of ``1 \pm a``, two tuples of ``(\pm 3, 0)``, four of ``(\pm 3, \pm 1)``, four values of
    ``\pm 1 \pm a``, as one sign would do before a bracket; else one.
    """
    signs = [token for token in tokens if token.is_("sign", "pm", "mp")]
    if not signs:
        return [tokens]
    brackets, inside = shell(tokens)
    parts = split(inside, "join")[0]
    cut = len(parts[0]) + 1 if brackets == "()" and len(parts) == 2 else 1
    halves = tokens[:cut], tokens[cut:]
    if len(signs) == 2 and all(has(half, "sign", "pm") for half in halves):
        return [(*head, *tail) for head, tail in product(*map(with_both_signs, halves))]
    is_apart = len(signs) > 1 and not has(signs, "sign", "mp")  # (\pm 3, \mp 2) are two
    if brackets not in ("", "braces") and (is_apart or brackets == "{}" or len(parts) < 2):
        return [tokens]
    return with_both_signs(tokens)


def _congruence(sides: list[Tokens], tokens: Tokens) -> Answer:
    """``f ≡ 0`` is ``f = 0``, ``x ≡ 3 (mod 7)`` and ``10^2 ≡ 3 (mod 7)``, which is not 2, are the residue 3; any other
    congruence is a statement.
    """
    if not has(tokens, "command", "pmod", "mod"):
        return Equation(tuple(sides), 2)
    is_of_all = not has(conditions.without_fillers(sides[0]), "word")  # not of primes p
    residue = quantities.read_value(sides[-1]) if is_of_all else None
    if not isinstance(residue, Value) or not residue.unit:
        return statement(tokens)
    if read_name(sides[0]) and len(sides) == 2:
        return residue
    steps = [step for side in sides[:-1] if isinstance(step := quantities.read_value(side), Value)]
    numbers, modulus = [exact(step.node) for step in (*steps, residue)], residue.unit.removeprefix("mod ")
    is_known = len(steps) == len(sides) - 1 and None not in numbers and modulus.isdigit() and int(modulus)
    rests = {number % int(modulus) for number in numbers if number is not None} if is_known else ()
    return residue if len(rests) == 1 else statement(tokens)


def _family(tokens: Tokens, read: regions.Read) -> Tokens | None:
    r"""``3k, k \in Z`` of the insides of ``\{3k \mid k \in Z\}`` and ``\{x \mid x = 3k, k \in Z\}``; else None."""
    sides, bars = split_at_bar(tokens)
    sides[0] = sides[0][:-2] if symbols(sides[0][-2:]) == ("in", "R") else sides[0]
    if len(bars) != 1 or not all(sides) or has(sides[0], "relation"):
        return None
    values, cuts = split(sides[1], "join")
    named, signs = split(values[0], "relation")
    if has(sides[0][:1], "open", "(") and read_name(sides[0]) and signs and signs[0].value not in ("=", "in"):
        return None  # (x, y) \mid y > x
    member = (*sides[0], COMMA, *sides[1])
    if cuts and signs and symbols(sides[0]) in map(symbols, named):
        member = sides[1][len(named[0]) + 1 :] if signs[0].value == "=" else sides[1]
    return member if conditions.split_condition(member, read)[1] else None
