"""Faults on request: the grammar, the dice, and what each kind does to an answer."""
