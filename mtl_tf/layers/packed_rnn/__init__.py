"""Recurrence over packed rows.

The package has one door: other packages use the names that are imported here,
and none of its modules.

    Packing       packs the texts of a batch, and unpacks them
    lstm          runs an LSTM over packed rows
    forget_traces makes `lstm` trace its loops anew
    LSTM_RESULTS  the results that `lstm` can return
    PRECISIONS    the precisions of its matrix products
    RECURRENCES   the forms of its loop, for CPUs and for accelerators
"""

from mtl_tf.layers.packed_rnn.lstm_ops import RESULTS as LSTM_RESULTS
from mtl_tf.layers.packed_rnn.lstm_ops import forget_traces
from mtl_tf.layers.packed_rnn.lstm_ops import lstm
from mtl_tf.layers.packed_rnn.packing import Packing
from mtl_tf.layers.packed_rnn.precision import PRECISIONS
from mtl_tf.layers.packed_rnn.recurrence import RECURRENCES

__all__ = [
    "LSTM_RESULTS",
    "PRECISIONS",
    "RECURRENCES",
    "Packing",
    "forget_traces",
    "lstm",
]
