"""Tasks, records, tokenizer, vocabulary and the input pipeline."""
