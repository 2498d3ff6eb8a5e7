"""Word vectors of a prepared corpus, by word2vec.

Mikolov et al. (2013): skip-gram with negative sampling, by gensim.
"""

import os
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from mtl_tf.data import records
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.utils import files

_NEGATIVE_SAMPLES = 10


class Texts:
    """The texts of splits of all tasks, as lists of words.

    Words without an id, which the vocabulary lacks, are left out.

    Args:
      corpus: a prepared corpus.
      splits: names of the splits; tasks may lack some of them.
    """

    def __init__(self, corpus: tasks_lib.Corpus, splits: Sequence[str]):
        path = os.path.join(corpus.data_dir, vocabulary_lib.VOCABULARY_FILE)
        self._words = vocabulary_lib.Vocabulary.read(path).tokens
        self._token_ids = [
            records.TokenIds.read(corpus.data_dir, task.name, split)
            for task in corpus.tasks
            for split in splits
            if corpus.declaration["tasks"][task.name]["splits"].get(split)
        ]

    def __iter__(self) -> Iterator[list[str]]:
        first = len(vocabulary_lib.SPECIAL_TOKENS)
        for of_split in self._token_ids:
            for row in range(len(of_split)):
                for sequence in (of_split.seq1(row), of_split.seq2(row)):
                    words = [self._words[x] for x in sequence if x >= first]
                    if words:
                        yield words

    @property
    def num_words(self) -> int:
        """Number of words of all texts."""
        return sum(map(len, self))


def train(
    texts: Iterable[list[str]], *, dim: int, epochs: int, window: int, seed: int
) -> dict[str, np.ndarray]:
    """Trains word vectors; the same arguments give the same vectors.

    Args:
      texts: the words of each text; read several times.
      dim: size of a vector.
      epochs: passes over the texts.
      window: maximum distance of a word and a word of its context.
      seed: random seed.

    Returns:
      Vectors by word, float32 [dim], the most frequent word first.

    Raises:
      ImportError: if gensim is not installed.
      ValueError: if there are no words.
    """
    try:
        from gensim.models import word2vec
    except ImportError as error:
        raise ImportError(
            f"word vectors need the extra word2vec ({error}): "
            "pip install mtl_tf[word2vec]"
        ) from None
    if next(iter(texts), None) is None:
        raise ValueError("the splits hold no words of the vocabulary")
    model = word2vec.Word2Vec(
        texts,
        vector_size=dim,
        window=window,
        min_count=1,
        sg=1,
        negative=_NEGATIVE_SAMPLES,
        epochs=epochs,
        seed=seed,
        # The order of updates of several threads is not deterministic.
        workers=1,
    )
    return {word: model.wv[word] for word in model.wv.index_to_key}


def write(path: str, vectors: dict[str, np.ndarray]) -> None:
    """Writes vectors in word2vec's text format, atomically."""
    with files.atomic_write(path) as file:
        dim = len(next(iter(vectors.values())))
        file.write(f"{len(vectors)} {dim}\n")
        for word, vector in vectors.items():
            file.write(f"{word} {' '.join(f'{x:.6g}' for x in vector)}\n")
