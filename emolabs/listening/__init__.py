"""The human baseline study: what listeners hear, and how that compares with what pipelines do."""
