"""Multi-task text classification: one model for several labelled data sets."""
