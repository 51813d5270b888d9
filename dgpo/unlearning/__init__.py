"""Unlearning: a model forgets marked spans of text, keeps the rest, and is judged. The losses are pure functions."""
