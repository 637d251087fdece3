"""What a template takes: reading its manifest, binding data to it, and its JSON Schema."""
