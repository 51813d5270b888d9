"""The verdicts of `dgpo.verifier` as a reward in training: shaping, metrics, and verl's side of it."""
