"""Turns a document and a cursor into a completion: a pure core around an engine."""
