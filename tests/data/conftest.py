"""Hypothesis without its time limit: on a busy machine a slow example says nothing about the code."""

from hypothesis import settings

settings.register_profile("data", deadline=None, max_examples=50)
settings.load_profile("data")
