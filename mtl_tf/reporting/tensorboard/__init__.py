"""TensorBoard summaries."""
