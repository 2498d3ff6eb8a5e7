"""The eight corpora of pairs of Augenstein, Ruder & Søgaard (NAACL 2018).

Each is a corpus of its own, and `pairwise` is those of them that are there,
with one vocabulary. The module of each publisher's format says what is read.
"""

import os

from absl import logging

from data_prep.corpora import absa
from data_prep.corpora import fnc1
from data_prep.corpora import multinli
from data_prep.corpora import names
from data_prep.corpora import raw_corpus
from data_prep.corpora import semeval_topics
from data_prep.corpora import stance
from data_prep.corpora import target_dependent
from data_prep.pipeline import source

# Of all of these modules.
READER_VERSION = 1
CORPORA = {
    corpus.name: corpus
    for module in (
        semeval_topics,
        target_dependent,
        stance,
        absa,
        fnc1,
        multinli,
    )
    for corpus in module.CORPORA
}


def make_source(
    name: str, raw_dir: str, seed: int = 0, dev_in_train: bool = False
) -> source.Source:
    """A corpus in `raw_dir`.

    Args:
      name: one of `CORPORA`, or `pairwise` for all of them that are there.
      raw_dir: folder of the files, or of one folder a corpus.
      seed: of the splits made here.
      dev_in_train: whether the dev rows of stance, and the devtest rows of
        topic2 and topic5, are train rows as well.

    Raises:
      ValueError: if files are missing or there twice, or if `dev_in_train`
        means nothing for this corpus.
    """
    wanted = (
        list(CORPORA.values()) if name == names.PAIRWISE else [CORPORA[name]]
    )
    if dev_in_train and all(corpus.dev_files is None for corpus in wanted):
        raise ValueError(
            f"dev_in_train means nothing for corpus {name}, whose dev rows are "
            "cut from its files"
        )
    files, missing = {}, {}
    for corpus in wanted:
        try:
            files[corpus.name] = corpus.find(raw_dir, dev_in_train)
        except raw_corpus.MissingFilesError as error:
            if name != names.PAIRWISE:
                raise
            logging.warning("left out: %s", error)
            missing[corpus.name] = f"to be had from: {corpus.origin}"
    if not files:
        raise ValueError(
            f"{raw_dir} holds the files of none of the corpora "
            f"{', '.join(CORPORA)}"
        )
    found = [corpus for corpus in wanted if corpus.name in files]
    settings = {"seed": seed, "dev_in_train": dev_in_train}
    if name == names.PAIRWISE:
        settings["missing"] = missing

    def read():
        return [
            corpus.read(files[corpus.name], seed, dev_in_train)
            for corpus in found
        ]

    return source.Source(
        name,
        READER_VERSION,
        {
            f"{corpus}/{os.path.basename(path)}": path
            for corpus, paths in files.items()
            for path in paths.values()
        },
        settings,
        "\n".join(f"{corpus.name}: {corpus.license}" for corpus in found),
        read,
    )
