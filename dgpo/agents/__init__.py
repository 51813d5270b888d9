"""Language models that act in text environments over many turns: environments, their processes, the loop.

Environments are Gymnasium's, text in and text out. Only `verl.py` knows verl.
"""
