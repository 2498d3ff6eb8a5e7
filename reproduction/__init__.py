"""The tables of the two papers, from training to the page."""
