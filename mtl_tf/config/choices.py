"""Values that flags take.

The modules that act on them need TensorFlow, which takes seconds to start.
Settings are checked without it, so that a wrong one is reported at once.
"""

SHARINGS = ("single_task", "fully_shared", "shared_private")
SEQUENCES = ("both", "seq2")
OUTPUT_LAYERS = ("softmax", "label_embedding")
UPDATES = ("joint", "alternating")
EPOCH_LENGTHS = ("all", "smallest_task")
SEARCH_METHODS = ("forward", "pairs")
STOPPINGS = ("patience", "drop")
LABEL_TRANSFERS = ("none", "supervised", "semi_supervised")
TRANSFER_TRAINED_ON = ("main", "auxiliary")
# Phases of a run with semi-supervised label transfer.
PHASES = ("base", "label_transfer", "semi_supervised")
CLASS_WEIGHTS = ("none", "balanced")

# Formats of tables of texts.
TABLE_FORMATS = ("tsv", "csv", "jsonl")

# Copies of the constants in `layers`, which imports no other package;
# choices_test compares them.
CONDITIONAL = "conditional_bilstm"
RECURRENT = ("lstm", "bilstm", "stacked_lstm", CONDITIONAL)
BAG_OF_WORDS = "bag_of_words"
ENCODERS = (*RECURRENT, "cnn", BAG_OF_WORDS)
POOLINGS = ("last", "max", "mean", "attention")
PRECISIONS = ("float32", "bfloat16")
RECURRENCES = ("auto", "packed", "scan")
MULTI_WORKER = "multi_worker"
DISTRIBUTIONS = ("one_device", "mirrored", MULTI_WORKER)

# Dispatched on in `training.losses` and `training.optimizers`.
ADVERSARIES = ("reversal", "reversal_unbounded", "confusion")
ORTHOGONALITY_LOSSES = ("normalized", "frobenius")
OPTIMIZERS = ("sgd", "adagrad", "rmsprop", "adam", "adamw")

# Outputs of a model: the main model, which predicts for every task, and the
# label transfer network, which predicts for the main task.
MAIN = "main"
LABEL_TRANSFER = "label_transfer"


def check_encoder(encoder: str, pooling: str) -> None:
    """Checks that an encoder supports a pooling; raises a ValueError."""
    if pooling == "last" and encoder not in RECURRENT:
        raise ValueError(
            f"pooling=last takes the last state of a recurrent encoder "
            f"({', '.join(RECURRENT)}); encoder={encoder} has none: choose "
            "pooling=max, mean or attention"
        )
