"""Trained models: prediction, SavedModel and model card."""
