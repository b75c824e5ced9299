"""Runs, their metrics and their comparison."""

from emolabs.experiments.results import Result, find, table
from emolabs.experiments.runs import Row, load_model, train

__all__ = ["Result", "Row", "find", "load_model", "table", "train"]
