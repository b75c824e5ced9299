"""Runs, their metrics and their comparison."""

from emolabs.experiments.results import Result, find, table
from emolabs.experiments.runs import Row, example, train

__all__ = ["Result", "Row", "example", "find", "table", "train"]
