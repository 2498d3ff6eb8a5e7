"""Metrics, calibration and significance tests in NumPy and SciPy."""
