"""How many answers each prompt of a step gets: success counts over the run, and their allocation (DynaMO).

Pure but for `verl.py`, which counts and allocates in verl's trainer.
"""
