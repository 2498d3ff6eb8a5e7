"""Steps from raw rows to a prepared corpus."""
