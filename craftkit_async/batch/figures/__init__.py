"""Figures: what a batch counts, its percentiles, and the report as data and as a page."""
