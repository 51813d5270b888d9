"""An environment in one file, outside of our package, that behaves as its option says: for tests of what fails."""

import time

import gymnasium


class Rough(gymnasium.Env):
    """Counts to three. With ``fault``, the second step raises, hangs, ends the process, or gives something else."""

    def __init__(self, fault: str = "", told: bool = True):
        self.fault, self.told, self.count = fault, told, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count = 0
        return f"count 0 of seed {seed}", {}

    def step(self, action):
        self.count += 1
        if self.count == 2 and self.fault == "raises":
            raise RuntimeError("the game is broken")
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
        if self.fault == "random":
            return f"count {time.monotonic_ns()}", 0.0, False, False, {}
        done = self.count == 3
        info = {"success": done, "actions": ["go", "stay"]} if self.told else {}
        return f"count {self.count}", float(done), done, False, info


gymnasium.register("Rough-v0", Rough)
