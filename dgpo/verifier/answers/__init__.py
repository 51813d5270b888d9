"""The kinds of answers: lists, sets, intervals, matrices, names, conditions, words."""
