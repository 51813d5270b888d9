"""How much GPU memory a training config needs, by formula: `shape` of a model, `setup` of a run, `memory` of both,
and `remedies` where it is too much. Knows neither verl nor Ray; `cli` and `setup` read composed configs.
"""
