"""Faults on request: the grammar, the random choice, and what each kind does to an answer."""
