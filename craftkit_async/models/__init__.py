"""What the API says: one frozen class per noun, without I/O and without JSON."""
