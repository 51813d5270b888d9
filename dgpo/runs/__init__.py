"""Figures and pictures: the gradient weights of the losses, and what a run did."""
