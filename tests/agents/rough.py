"""An environment in one file, outside of our package, that behaves as its option says: for tests of what fails."""

import os
import sys
import time

import gymnasium


def broken():
    raise RuntimeError("the game is broken")


FAULTS = {
    "raises": broken,
    "reads": input,
    "forks": os.fork,
    "hangs": lambda: time.sleep(1000),
    "ends": lambda: sys.exit(3),
    "prints": lambda: print("not JSON", flush=True),
}
GARBAGE = {
    "number": (2, 0.0, False, False, {}),
    "four": ("count", 0.0, False, {}),
    "nan": ("count", float("nan"), False, False, {}),
    "word": ("count", 0.0, "no", False, {}),
    "half": ("count", 0.0, False, False, {"success": 0.5}),
    "actions": ("count", 0.0, False, False, {"actions": "go, stay"}),
    "surrogate": ("count \ud800", 0.0, False, False, {}),
}


class Rough(gymnasium.Env):
    """Counts to three. With ``fault``, the second step raises, hangs, ends the process, or gives something else."""

    def __init__(self, fault: str = "", told: bool = True):
        self.fault, self.told, self.count = fault, told, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count = 0
        return f"count 0 of seed {time.monotonic_ns() if self.fault == 'clock' else seed}", {}

    def step(self, action):
        self.count += 1
        if self.fault == "picky" and action == "?":
            raise RuntimeError("no such action")
        if self.fault == "random":
            return f"count {time.monotonic_ns()}", 0.0, False, False, {}
        if self.count == 2 and self.fault in FAULTS:
            FAULTS[self.fault]()
        if self.count == 2 and self.fault in GARBAGE:
            return GARBAGE[self.fault]
        done = self.count == 3
        info = {"success": done, "actions": ["go", "stay"]} if self.told else {}
        return f"count {self.count}", float(done), done, False, info


gymnasium.register("Rough-v0", Rough)
