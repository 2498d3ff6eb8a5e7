"""Keras layers of both papers' models.

A layer knows tensors alone: nothing of flags, files or names of tasks.

Texts come in task batches; all texts of one are of the same task. Token
features are packed, float32 [rows, batch, width]: a row is a time step of a
task batch (`packed_rnn.packing`). Text features are float32 [task_batches,
batch, width]. There are no implicit masks: a layer that needs one takes
`lengths`, int32 [task_batches, batch], at least 1.
"""
