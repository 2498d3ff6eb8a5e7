"""Names of the corpora, and spellings of their flags' values.

The modules that read corpora need TensorFlow, which takes seconds to start.
"""

# `pairwise` stands for all of its corpora that are there.
PAIRWISE = "pairwise"
PAIRWISE_CORPORA = (
    "topic2",
    "topic5",
    "target",
    "stance",
    "absa_laptops",
    "absa_restaurants",
    "fnc1",
    "multinli",
)
CORPORA = (
    "vader",
    "fdu_mtl",
    "custom",
    "synthetic",
    PAIRWISE,
    *PAIRWISE_CORPORA,
)
# Of fdu_mtl.
DEV_SPLITS = ("last", "random")
