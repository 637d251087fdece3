"""Fault injection: the grammar, the random draws, and the effect of each kind on an answer."""
