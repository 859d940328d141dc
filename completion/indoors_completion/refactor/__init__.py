"""Edits of code by a model, checked before anybody sees them. Pure: no IO, no clock."""
