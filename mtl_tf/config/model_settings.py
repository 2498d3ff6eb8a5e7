"""Settings of a model."""

import dataclasses

from mtl_tf.config import base
from mtl_tf.config import choices
from mtl_tf.config import run_settings


@dataclasses.dataclass(frozen=True)
class ModelSettings(run_settings.RunSettings):
    """Input, layers and label transfer; a part of `Config`."""

    # Text.
    sequences: str = base.setting(
        "both",
        "Input of an encoder of single texts; both: seq1 and seq2 with a "
        "separator between them; seq2: the text alone.",
        choices=choices.SEQUENCES,
    )
    max_tokens: int = base.setting(
        400, "Maximum number of tokens per sequence; longer ones are truncated."
    )

    # Model.
    sharing: str = base.setting(
        "shared_private",
        "single_task: a separate model for each task; fully_shared: one "
        "encoder for all tasks; shared_private: a shared encoder and a private "
        "one for each task.",
        choices=choices.SHARINGS,
    )
    encoder: str = base.setting(
        "lstm",
        "Text encoder; conditional_bilstm encodes seq2 conditioned on seq1.",
        choices=choices.ENCODERS,
    )
    pooling: str = base.setting(
        "last",
        "Pooling of token features into text features; last: the state at the "
        "last token.",
        choices=choices.POOLINGS,
    )
    hidden_size: int = base.setting(
        100, "Size of an encoder's hidden state.", symbol="d"
    )
    num_layers: int = base.setting(2, "Number of layers of a stacked_lstm.")
    skip_connection: bool = base.setting(
        False,
        "Whether the mean word vector of a text is appended to its features.",
    )
    word_overlap: bool = base.setting(
        False,
        "Whether the shares of words that the two texts of a pair have in "
        "common are appended to the features; for conditional_bilstm.",
    )
    task_layer_size: int = base.setting(
        0,
        "Size of a task-specific hidden layer before the output layer; 0: "
        "none.",
    )
    chained_task_layers: bool = base.setting(
        False,
        "Whether each task's hidden layer reads that of the previous task, as "
        "in the code of Augenstein et al.",
    )
    output_layer: str = base.setting(
        "softmax",
        "softmax: a separate weight matrix for each task; label_embedding: a "
        "joint embedding space for the labels of all tasks.",
        choices=choices.OUTPUT_LAYERS,
    )
    label_embedding_dim: int = base.setting(
        0,
        "Size of a label vector; 0: the size of the features before it, whose "
        "elements beyond this size are not used.",
        symbol="l",
    )
    shared_labels: bool = base.setting(
        False,
        "Whether labels of the same name share a vector, which is added to "
        "that of each task's label.",
    )
    label_bias: bool = base.setting(
        False, "Whether each label of the label embedding has a bias."
    )
    tanh_logits: bool = base.setting(
        False,
        "Whether tanh is applied to the logits of a softmax output layer, as "
        "in the code of Augenstein et al.",
    )
    embedding_dim: int = base.setting(200, "Size of a word vector.", symbol="e")
    word_vectors: tuple[str, ...] = base.setting(
        (),
        "Pretrained word vectors, GloVe text files or package:NAME; several "
        "are concatenated. Elements beyond their size, up to embedding_dim, "
        "start at random.",
        path=True,
    )
    train_word_vectors: bool = base.setting(
        True, "Whether training updates the word vectors."
    )
    train_shared_encoder: bool = base.setting(
        True,
        "Whether training updates the shared encoder; if not, it and the word "
        "vectors come from init_from, and all other weights start at random.",
    )
    init_range: float = base.setting(
        0.1,
        "Weights are initialized uniformly in [-init_range, init_range].",
    )
    forget_bias: float = base.setting(
        0.0, "Constant added to the initial bias of the forget gates."
    )
    word_dropout: float = base.setting(
        0.0, "Probability of replacing a word by the unknown word in training."
    )
    vector_dropout: float = base.setting(
        0.0, "Dropout rate of the elements of word vectors."
    )
    recurrent_dropout: float = base.setting(
        0.0, "Dropout rate of the recurrent state of LSTMs."
    )
    feature_dropout: float = base.setting(
        0.0, "Dropout rate of the elements of text features."
    )

    # Label transfer.
    label_transfer: str = base.setting(
        "none",
        "supervised: a label transfer network predicts the main task's labels "
        "from the other tasks' predictions; semi_supervised: its predictions "
        "on other texts then serve as pseudo-labels for the main model.",
        choices=choices.LABEL_TRANSFERS,
    )
    transfer_hidden_size: int = base.setting(
        100,
        "Size of the label transfer network's hidden layer; 0: none.",
    )
    transfer_probabilities: bool = base.setting(
        False,
        "Whether the label transfer network reads label probabilities instead "
        "of expected label vectors; with output_layer=softmax it always does.",
    )
    transfer_main_predictions: bool = base.setting(
        False,
        "Whether the label transfer network also reads the main task's "
        "prediction.",
    )
    transfer_diversity: bool = base.setting(
        True,
        "Whether the label transfer network reads the diversity features.",
    )
    transfer_gradient: bool = base.setting(
        True,
        "Whether the label transfer network's loss also trains the model whose "
        "predictions it reads.",
    )
    transfer_trained_on: str = base.setting(
        "main",
        "Examples that train the label transfer network; main: those of the "
        "main task; auxiliary: those of the other tasks with their own labels, "
        "as in the code of Augenstein et al.",
        choices=choices.TRANSFER_TRAINED_ON,
    )
    transfer_weight: float = base.setting(
        1.0, "Weight of the label transfer network's loss."
    )
    pseudo_label_weight: float = base.setting(
        1.0,
        "Weight of the loss on pseudo-labels, those of the label transfer "
        "network or of teachers.",
    )
    pseudo_label_threshold: float = base.setting(
        0.0,
        "Minimum probability of a pseudo-label; others are ignored.",
    )
