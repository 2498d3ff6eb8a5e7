"""Names of the corpora, and values of their flags.

The modules of the corpora import TensorFlow, which takes seconds.
"""

# All pairwise corpora whose files exist.
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
# Values of --dev_split.
DEV_SPLITS = ("last", "random")
