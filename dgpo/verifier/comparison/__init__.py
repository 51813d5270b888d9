"""Whether two answers are the same, and what a person may argue about."""
