"""A run from its folder: checkpoints, metrics, export, reports, comparisons, pictures."""
