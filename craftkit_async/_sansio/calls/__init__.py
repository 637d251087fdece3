"""Calls: an operation and its arguments as data, the request it becomes, and the reply read back."""
