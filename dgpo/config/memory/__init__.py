"""How much GPU memory a training config needs, by formula: `shape` of a model, `setup` of a run, `phases` of both,
and `remedies` where it is too much. Knows neither verl nor Ray; `setup` and `lora` read composed configs.
"""
