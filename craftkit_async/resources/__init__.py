"""What you can ask: one file per noun, one short method per operation."""
