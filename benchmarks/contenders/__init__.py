"""Contenders of the benchmark: this project and its peers, one per module.

A module has a class `Contender`, made from a problem (see `problems`) and the
name of a variant, with the methods

    convert(groups)     converts groups to tensors before the clock starts
    step(converted)     trains on the groups of a batch; returns the total loss
    computed(groups)    counts the tokens that the LSTMs read, with padding

A contender that makes its batches itself has instead of the first two

    epoch(steps)        trains; returns the mean total loss and the tokens read

A step trains once on each group: by one update of all weights, or by one per
group.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Entry:
    """Contender to measure.

    Attributes:
      module: module of its class.
      precision: float32 or bfloat16.
      variants: ways to write it; the fastest one is measured.
      needs: package that it needs in addition to those of this project.
    """

    module: str
    precision: str = "float32"
    variants: tuple[str, ...] = ("",)
    needs: str = ""


_PYTORCH = {
    "module": "benchmarks.contenders.pytorch",
    # One optimizer step per task, or one for all tasks. The shared LSTM of a
    # joint step reads the groups separately, or all texts together. Groups are
    # padded to their longest text, or packed.
    "variants": (
        "task/padded",
        "joint/padded",
        "joint_at_once/padded",
        "joint/packed",
    ),
    "needs": "torch",
}

ENTRIES = {
    "this_project": Entry("benchmarks.contenders.this_project"),
    "this_project_bfloat16": Entry(
        "benchmarks.contenders.this_project", "bfloat16"
    ),
    "pytorch": Entry(**_PYTORCH),
    "pytorch_bfloat16": Entry(**_PYTORCH, precision="bfloat16"),
    "keras": Entry(
        "benchmarks.contenders.plain_keras",
        # Threads by default of TensorFlow, or as in this project.
        variants=("tensorflow_threads", "project_threads"),
    ),
}
