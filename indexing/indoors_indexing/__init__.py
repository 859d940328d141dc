"""What the workspace knows: languages, syntax and (later) the index."""
