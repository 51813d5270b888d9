"""A text as tokens: spellings, numbers, cuts outside brackets, words of doubt."""
