"""Models to measure, and the number of operations they need per token."""

from benchmarks import corpora
from mtl_tf.config import config as config_lib

# All with Adam: PyTorch and Keras lack the papers' optimizers for sparse
# gradients, and the speed hardly depends on the optimizer.
_COMMON = {"optimizer": "adam", "learning_rate": 1e-3, "hidden_size": 100}

MODELS = {
    # configs/asp_mtl_paper.flags, without dropout and truncation.
    "asp_mtl": {
        **_COMMON,
        "sharing": "shared_private",
        "encoder": "lstm",
        "pooling": "last",
        "max_tokens": 400,
        "adversary": "reversal_unbounded",
        "adversarial_weight": 0.05,
        "orthogonality_weight": 0.01,
        "orthogonality_loss": "frobenius",
        "batch_size": 16,
    },
    # configs/mtl_lel.flags.
    "conditional_lel": {
        **_COMMON,
        "sharing": "fully_shared",
        "encoder": "conditional_bilstm",
        "pooling": "last",
        "skip_connection": True,
        "task_layer_size": 100,
        "output_layer": "label_embedding",
        "label_embedding_dim": 100,
        "max_tokens": 100,
        "batch_size": 128,
        "epoch_length": "smallest_task",
    },
}
# Default corpora, of text_lengths.json.
GENERATED = {"asp_mtl": "fdu_mtl", "conditional_lel": "pairwise"}
# LSTMs that read each token: shared and private, or forward and backward.
LSTMS_OF_A_TOKEN = {"asp_mtl": 2, "conditional_lel": 2}


def make_config(model: str, **settings) -> config_lib.Config:
    """Makes the settings of a model.

    Args:
      model: one of `MODELS`.
      **settings: settings that complete or override those of `MODELS`.

    Raises:
      ValueError: if a setting is invalid.
    """
    return config_lib.Config(**MODELS[model] | settings)


def describe(
    model: str,
    config: config_lib.Config,
    training: corpora.Training,
    precision: str,
) -> dict:
    """Describes a problem to the contenders, in types of JSON."""
    return {
        "model": model,
        "precision": precision,
        "config": {**config.to_dict(), "precision": precision},
        "label_counts": training.num_classes,
        "vocabulary_size": training.vocabulary_size,
    }


def flops_of_token(model: str, embedding_dim: int, hidden_size: int) -> int:
    """Counts floating-point operations of the LSTMs' matrix products per token.

    A step of an LSTM multiplies word vector and state with a matrix of 4 *
    hidden_size columns. The backward pass has two more such products, for the
    gradients of inputs and of weights.
    """
    forward = 2 * (embedding_dim + hidden_size) * 4 * hidden_size
    return LSTMS_OF_A_TOKEN[model] * 3 * forward
