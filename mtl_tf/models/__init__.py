"""The multi-task model and the label transfer network."""
