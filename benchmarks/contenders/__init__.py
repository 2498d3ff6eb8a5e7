"""What is measured: this project and its peers, each in a module of its own.

A module has a class `Contender`, made of a problem (see `problems`) and the
name of a variant, with

    convert(groups)     tensors of groups (see `groups`), before the clock runs
    step(converted)     one step of the groups of a batch; the total loss
    computed(groups)    tokens that its LSTMs read for that, with padding

or, in place of the first two, as it makes its batches itself,

    epoch(steps)        all steps; the mean total loss, and the tokens read

A step is whatever the contender does to train on these groups once: it may be
one update of all weights or one for each group.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Entry:
    """A contender to be measured.

    Attributes:
      module: module of its class.
      precision: float32 or bfloat16.
      variants: ways to write it; the fastest one is measured.
      needs: package that it needs beside those of this project.
    """

    module: str
    precision: str = "float32"
    variants: tuple[str, ...] = ("",)
    needs: str = ""


_PYTORCH = {
    "module": "benchmarks.contenders.pytorch",
    # One optimizer step a task, or one of all tasks. The shared LSTM of a
    # joint step reads the groups one after the other, or all texts at once.
    # Groups are padded to their longest text, or packed.
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
        # Threads as TensorFlow sets them, or as this project does.
        variants=("tensorflow_threads", "project_threads"),
    ),
}
