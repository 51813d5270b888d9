"""dgpo: Decoupled Gradient Policy Optimization and its siblings, as a plug-in on verl."""

__version__ = "0.1.0"
