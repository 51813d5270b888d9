"""Training: a checked config handed to verl's trainer, with a line a step in the terminal."""
