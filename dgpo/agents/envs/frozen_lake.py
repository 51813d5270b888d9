"""Gymnasium's FrozenLake as a task in words: random maps with random start and goal.

The first observation is the map, and what is seen; each later one what is seen: the moves that end neither in a hole
nor at the edge, and how far the goal is down or up, and right or left.

    SFFF FHFF FFFF HFGF
    DR D3R2

It is said in few characters, each of which is a token of the quick start's model.

The rule "towards the goal, unless a hole is in the way" arrives on half of the maps: `tasks` sees to that.
"""

import random
from collections import deque
from collections.abc import Iterator
from typing import Any

import gymnasium

from dgpo.agents.words import SpacesInWords

ID = "FrozenLake-v1"
PROMPT = "Walk LDRU to G"
MOVES = {"L": (0, -1), "D": (1, 0), "R": (0, 1), "U": (-1, 0)}
"""In the order of Gymnasium's action numbers."""
TURNS = 8
"""Moves of an episode; the longest of the shortest ways takes 7."""
Cell = tuple[int, int]


class LakeInWords(SpacesInWords):
    """FrozenLake with the observations above, and ``success``."""

    def __init__(self, env: gymnasium.Env):
        super().__init__(env)
        lake: Any = env.unwrapped
        self.rows = ["".join(each.decode() for each in row) for row in lake.desc]

    def _cell(self) -> Cell:
        lake: Any = self.env.unwrapped
        return divmod(int(lake.s), lake.ncol)

    def where(self) -> str:
        return view_from(self.rows, self._cell())

    def reset(self, **options: Any) -> tuple[str, dict[str, Any]]:
        _, info = super().reset(**options)
        here = self.where()
        return f"{' '.join(self.rows)}\n{here}", {**info, "anchor": here, "success": False}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        _, reward, terminated, truncated, info = super().step(action)
        return self.where(), reward, terminated, truncated, {**info, "success": reward > 0}

    def number_of(self, action: str) -> Any:
        return {move: number for number, move in enumerate(MOVES)}.get(action[:1].upper()) if action in NAMES else None


NAMES = {name for move in ("left", "down", "right", "up") for name in (move, move.title(), move[0], move[0].upper())}


def view_from(rows: list[str], cell: Cell) -> str:
    """The observation at a cell: moves that stay on the ice, and how far the goal is."""
    down, right = (there - here for there, here in zip(find_tile(rows, "G"), cell, strict=True))
    way = f"{'DU'[down < 0]}{abs(down)}{'RL'[right < 0]}{abs(right)}"
    return f"{''.join(free_moves(rows, cell))} {way}"


def free_moves(rows: list[str], cell: Cell) -> list[str]:
    return [move for move in MOVES if tile_at(rows, neighbour(cell, move)) not in "#H"]


def neighbour(cell: Cell, move: str) -> Cell:
    return cell[0] + MOVES[move][0], cell[1] + MOVES[move][1]


def tile_at(rows: list[str], cell: Cell) -> str:
    inside = 0 <= cell[0] < len(rows) and 0 <= cell[1] < len(rows[0])
    return rows[cell[0]][cell[1]] if inside else "#"


def find_tile(rows: list[str], what: str) -> Cell:
    return next((r, row.index(what)) for r, row in enumerate(rows) if what in row)


def random_map(rng: random.Random, size: int = 4, holes: float = 0.3) -> list[str]:
    """Rows with one ``S`` and one ``G``, and a way between them of 2 to 2 · ``size`` − 1 moves."""
    while True:
        cells = ["H" if rng.random() < holes else "F" for _ in range(size * size)]
        start, goal = rng.sample(range(size * size), 2)
        cells[start], cells[goal] = "S", "G"
        rows = ["".join(cells[i : i + size]) for i in range(0, size * size, size)]
        way = shortest_way(rows, find_tile(rows, "S"))
        if way is not None and 2 <= len(way) < 2 * size:
            return rows


def shortest_way(rows: list[str], start: Cell) -> str | None:
    """Moves from ``start`` to the goal, None where there is no way."""
    queue, seen_cells = deque([(start, "")]), {start}
    while queue:
        cell, way = queue.popleft()
        if tile_at(rows, cell) == "G":
            return way
        for move in MOVES:
            next_cell = neighbour(cell, move)
            if next_cell not in seen_cells and tile_at(rows, next_cell) not in "#H":
                seen_cells.add(next_cell)
                queue.append((next_cell, way + move))
    return None


def local_rule(rows: list[str], cell: Cell) -> str:
    """The move towards the goal that is not into a hole, or else any other that is not."""
    goal = find_tile(rows, "G")

    def distance(move: str) -> int:
        return sum(abs(a - b) for a, b in zip(neighbour(cell, move), goal, strict=True))

    return min(free_moves(rows, cell), key=distance, default="L")


def local_success(rows: list[str]) -> bool:
    """Whether `local_rule` reaches the goal within `TURNS` moves."""
    cell = find_tile(rows, "S")
    for _ in range(TURNS):
        cell = neighbour(cell, local_rule(rows, cell))
        if tile_at(rows, cell) == "G":
            return True
    return False


def tasks(rng: random.Random) -> Iterator[tuple[dict[str, Any], str]]:
    """Endless (options, kind) of random maps, in turn ``open``, where `local_rule` arrives, and ``detour``."""
    detour = False
    while True:
        rows = random_map(rng)
        if local_success(rows) != detour:
            yield {"desc": rows, "is_slippery": False}, "detour" if detour else "open"
            detour = not detour
