"""Implications in healthcare: calibration, abstention, subgroups, robustness, and what a model is not made for."""
