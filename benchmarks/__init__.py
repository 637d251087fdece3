"""Benchmarks: ratios, measured side by side and interleaved in one run."""
