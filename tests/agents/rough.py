"""An environment in one file, outside of our package, that behaves as its option says: for tests of what fails."""

import os
import time

import gymnasium


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
        if self.count == 2 and self.fault == "raises":
            raise RuntimeError("the game is broken")
        if self.fault == "picky" and action == "?":
            raise RuntimeError("no such action")
        if self.count == 2 and self.fault == "reads":
            input()
        if self.count == 2 and self.fault == "forks":
            os.fork()
        if self.count == 2 and self.fault == "hangs":
            time.sleep(1000)
        if self.count == 2 and self.fault == "ends":
            raise SystemExit(3)
        if self.count == 2 and self.fault == "prints":
            print("not JSON", flush=True)
        if self.count == 2 and self.fault == "number":
            return self.count, 0.0, False, False, {}
        if self.count == 2 and self.fault == "four":
            return "count", 0.0, False, {}
        if self.count == 2 and self.fault == "nan":
            return "count", float("nan"), False, False, {}
        if self.count == 2 and self.fault == "word":
            return "count", 0.0, "no", False, {}
        if self.count == 2 and self.fault == "half":
            return "count", 0.0, False, False, {"success": 0.5}
        if self.count == 2 and self.fault == "actions":
            return "count", 0.0, False, False, {"actions": "go, stay"}
        if self.count == 2 and self.fault == "surrogate":
            return "count \ud800", 0.0, False, False, {}
        if self.fault == "random":
            return f"count {time.monotonic_ns()}", 0.0, False, False, {}
        done = self.count == 3
        info = {"success": done, "actions": ["go", "stay"]} if self.told else {}
        return f"count {self.count}", float(done), done, False, info


gymnasium.register("Rough-v0", Rough)
