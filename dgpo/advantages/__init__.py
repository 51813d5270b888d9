"""What becomes of the advantages of a group on their way to the loss: the token factors of DynaMO.

Pure but for `verl.py`, which applies them in verl's trainer.
"""
