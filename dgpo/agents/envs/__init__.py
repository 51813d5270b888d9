"""Environments that need more than their id: FrozenLake's maps in words, TextWorld's games."""
