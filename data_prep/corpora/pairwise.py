"""The eight corpora of pairs of Augenstein, Ruder & Søgaard (NAACL 2018).

Each is a separate corpus; `pairwise` is a corpus of those whose files exist,
with one vocabulary. The modules of the corpora describe their files.
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

# Common to all of these modules.
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
    """Makes the source of a corpus in `raw_dir`.

    Args:
      name: one of `CORPORA`, or `pairwise` for all whose files exist.
      raw_dir: directory of the files, or of one directory per corpus.
      seed: seed of random splits.
      dev_in_train: whether train also has the dev rows of stance, and the
        devtest rows of topic2 and topic5.

    Raises:
      ValueError: if files are missing or exist twice, or `dev_in_train` does
        not apply to the corpus.
    """
    corpora = (
        list(CORPORA.values()) if name == names.PAIRWISE else [CORPORA[name]]
    )
    if dev_in_train and all(corpus.dev_files is None for corpus in corpora):
        raise ValueError(
            f"dev_in_train is not used by corpus {name}, whose dev rows are "
            "split off from its files"
        )
    files, missing = _find_files(
        corpora, raw_dir, dev_in_train, may_miss=name == names.PAIRWISE
    )
    corpora = [corpus for corpus in corpora if corpus.name in files]
    settings = {"seed": seed, "dev_in_train": dev_in_train}
    if name == names.PAIRWISE:
        settings["missing"] = missing

    def read():
        return [
            corpus.read(files[corpus.name], seed, dev_in_train)
            for corpus in corpora
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
        "\n".join(f"{corpus.name}: {corpus.license}" for corpus in corpora),
        read,
    )


def _find_files(corpora, raw_dir, dev_in_train, may_miss):
    """Returns paths by corpus and role, and the origins of missing corpora."""
    files, missing = {}, {}
    for corpus in corpora:
        try:
            files[corpus.name] = corpus.find(raw_dir, dev_in_train)
        except raw_corpus.MissingFilesError as error:
            if not may_miss:
                raise
            logging.warning("skipped: %s", error)
            missing[corpus.name] = f"available from: {corpus.origin}"
    if not files:
        raise ValueError(
            f"{raw_dir} holds the files of none of the corpora "
            f"{', '.join(CORPORA)}"
        )
    return files, missing
