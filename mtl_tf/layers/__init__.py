"""Layers: each knows tensors alone, nothing of flags, files or task names.

Texts come in groups, all of a group from one task. Token features are
`float32 [groups, time, batch, width]`: time before batch, so that a group is
what a recurrent kernel wants, without a transposition. Text features are
`float32 [groups, batch, width]`. Masks are never implicit: every layer that
needs one takes `lengths`, `int32 [groups, batch]`, at least 1.
"""
