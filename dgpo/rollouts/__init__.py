"""How many answers each prompt of a step gets: success counts over the run, and their allocation (DynaMO)."""
