"""Unlearning: losses that make a model forget marked spans of text, and the metrics that judge it; pure functions."""
