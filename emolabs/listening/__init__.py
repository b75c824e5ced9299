"""The human baseline study: which clips people hear and in what order, the page they use, and what they answered."""
