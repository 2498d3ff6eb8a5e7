"""Initial weights of a run: pretrained word vectors and a warm start."""

import os
from collections.abc import Mapping, Sequence

from mtl_tf.config import config as config_lib
from mtl_tf.data import pretrained_embeddings
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.models import multitask_model
from mtl_tf.runs import run_directory
from mtl_tf.training import frozen_weights
from mtl_tf.training import trainer as trainer_lib
from mtl_tf.training import warm_start


def load(
    config: config_lib.Config,
    tasks: Sequence[tasks_lib.Task],
    vocabulary: vocabulary_lib.Vocabulary,
    trainer: trainer_lib.Trainer,
) -> dict[str, dict]:
    """Loads the initial weights that the settings name into a model.

    Args:
      config: settings of the run.
      tasks: the run's tasks, in the order of the task ids.
      vocabulary: the run's vocabulary.
      trainer: the run's model and task discriminator, changed in place.

    Returns:
      Contents of JSON files by name: `word_vectors` and `init_from`, if set;
      with a frozen shared encoder, `frozen_weights`.

    Raises:
      ValueError: if there are no such vectors; if vectors that are not trained
        would be random; or as in `warm_start.load`.
    """
    summaries = {}
    if config.word_vectors:
        summaries["word_vectors"] = _load_word_vectors(
            config.word_vectors, vocabulary, trainer.model
        )
    _check_frozen_words(config, summaries.get("word_vectors"))
    # Second: trained word vectors replace pretrained ones.
    if config.init_from:
        summaries["init_from"] = warm_start.load(
            config, tasks, vocabulary, trainer
        )
    trainer.average.restart()
    if not config.train_shared_encoder:
        summaries[frozen_weights.NAME] = frozen_weights.record(trainer.model)
    return summaries


def write(run_dir: str, summaries: Mapping[str, dict]) -> None:
    """Writes the results of `load` into JSON files of a run."""
    for name, summary in summaries.items():
        path = os.path.join(run_directory.ASSETS_DIR, f"{name}.json")
        run_directory.write_json(os.path.join(run_dir, path), summary)


def _check_frozen_words(config, summary):
    """Checks that word vectors that are not trained do not start at random."""
    if config.train_word_vectors or config.init_from:
        return
    loaded = sum(x["dim"] for x in summary["sources"]) if summary else 0
    if loaded < config.embedding_dim:
        raise ValueError(
            f"notrain_word_vectors: word_vectors has {loaded} of the "
            f"{config.embedding_dim} numbers of a word vector (embedding_dim); "
            "the others would keep their random start: name vectors of this "
            "size, or train them"
        )


def _load_word_vectors(sources, vocabulary, model):
    """Loads pretrained word vectors; returns how many words have them."""
    vectors = [
        pretrained_embeddings.load(source, vocabulary.tokens)
        for source in sources
    ]
    multitask_model.set_word_vectors(model, vectors)
    return {
        "words": len(vocabulary),
        "sources": [
            {
                "source": source,
                "with_vector": int(of_source.has_vector.sum()),
                "dim": of_source.matrix.shape[1],
            }
            for source, of_source in zip(sources, vectors, strict=True)
        ],
    }
