"""Template manifests: parse them, bind data to them, and convert them to JSON Schema."""
