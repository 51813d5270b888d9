"""A laboratory for policy losses: exact mechanisms of single tokens, and studies over methods, rates and seeds.

Needs torch and the losses, no trainer: `mechanism` takes seconds, `compare` minutes of one core.
"""
