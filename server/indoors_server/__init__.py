"""The Indoors server: protocol, settings, processes and command line. Imports nothing heavy."""

__version__ = "0.1.0"
