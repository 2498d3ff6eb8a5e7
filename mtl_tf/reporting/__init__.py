"""Plots, TensorBoard summaries and HTML reports."""
