"""The page of a run, `report.html`, and the page that compares runs."""
