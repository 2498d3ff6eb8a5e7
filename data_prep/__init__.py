"""From raw corpora to records, token ids, a vocabulary and `corpus.json`."""
