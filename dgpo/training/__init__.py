"""What surrounds verl's trainer in one run: the run folder, progress, checkpoints, the sampler."""
