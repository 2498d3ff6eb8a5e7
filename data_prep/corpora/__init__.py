"""Readers of raw corpora, one module each."""
