"""Environments that need more than their id: FrozenLake's maps in words; TextWorld, ALFWorld and WebShop by their ids.

The module of one is imported when an environment of it is made.
"""

import gymnasium

gymnasium.register("TextWorld-v0", "dgpo.agents.envs.text_games:TextWorld")
gymnasium.register("ALFWorld-v0", "dgpo.agents.envs.alfworld:ALFWorld")
gymnasium.register("WebShop-v0", "dgpo.agents.envs.webshop:WebShop")
