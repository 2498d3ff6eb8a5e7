"""Predictions of a model and their scores."""
