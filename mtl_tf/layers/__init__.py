"""Layers: each knows tensors alone, nothing of flags, files or task names.

Texts come in groups, all of a group from one task. Token features are packed,
`float32 [rows, batch, width]`: a row is a time step of a group, and a group has
rows up to the end of its longest text (`packing`). Text features are `float32
[task_batches, batch, width]`. Masks are never implicit: every layer that
needs one takes `lengths`, `int32 [task_batches, batch]`, at least 1.
"""
