"""Rows: read JSON lines and CSV, turn them into requests, and give each a key and a file name."""
