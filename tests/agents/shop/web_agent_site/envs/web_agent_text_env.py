"""A stand-in for WebShop's text environment: its interface as the adapter uses it, 600 goals and one product.

As there, prices are drawn at random while it loads, one server knows its sessions by name, the page reads the same
after an option was chosen, and a click needs `get_available_actions` before it.
"""

import random

COLOURS = ["black", "white"]


class Server:
    loads = 0

    def __init__(self, num_products):
        Server.loads += 1
        limits = [round(random.uniform(10, 100), 2) for _ in range(num_products)]
        self.goals = [f"a {COLOURS[i % 2]} mug number {i}, below {limit} dollars" for i, limit in enumerate(limits)]
        random.seed(1)
        self.user_sessions = {}


class WebAgentTextEnv:
    def __init__(self, observation_mode="html", server=None, session_prefix="", num_products=600, seed=42):
        assert observation_mode == "text"
        self.server = server or Server(num_products)
        self.prefix = session_prefix
        self.reset()

    def reset(self, session=None):
        self.session = self.prefix + str(random.random() if session is None else session)
        self.user_sessions = self.server.user_sessions
        self.user_sessions.setdefault(self.session, {"goal": session or 0}).update(options={})
        self.page = "search"
        return self.text(), None

    def text(self):
        goal = self.server.goals[self.user_sessions[self.session]["goal"]]
        return f"Instruction: [SEP] {goal} [SEP] {self.page}"

    def get_available_actions(self):
        goods = {"search": ["search"], "results": ["back to search", "mug"], "mug": [*COLOURS, "buy now"], "done": []}
        self.clickables = goods[self.page]
        return {"has_search_bar": self.page == "search", "clickables": self.clickables}

    def step(self, action):
        name, _, words = action.rstrip("]").partition("[")
        mine, score, done = self.user_sessions[self.session], 0.0, False
        if name == "search":
            self.page = "results"
        elif words in self.clickables:
            if words in COLOURS:
                mine["options"]["colour"] = words
            elif words == "buy now":
                score = 1.0 if mine["options"].get("colour") == COLOURS[mine["goal"] % 2] else 0.5
                self.page, done = "done", True
            else:
                self.page = "mug" if words == "mug" else "search"
        text = self.text()
        if done:
            self.reset()  # the authors' copy does
        return text, score, done, None
