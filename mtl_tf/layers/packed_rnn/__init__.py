"""Recurrence over packed rows."""
