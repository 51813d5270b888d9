"""Trees of expressions with their units, and their values."""
