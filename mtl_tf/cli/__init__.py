"""Modes of the command line."""
