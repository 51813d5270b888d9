"""What becomes of the advantages of a group on their way to the loss: the token factors of DynaMO."""
