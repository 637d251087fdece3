"""The I/O, thin: it does what the rules decide."""
