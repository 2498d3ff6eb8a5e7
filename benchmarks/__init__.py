"""Benchmarks: each is a command that prints what it measured."""
