"""Settings of a run: data, directory, seeds, start."""

import dataclasses

from mtl_tf.config import base
from mtl_tf.config import choices


@dataclasses.dataclass(frozen=True)
class RunSettings(base.Settings):
    """Data, directory, seeds and start of a run; a part of `Config`."""

    # The run.
    data_dir: str = base.setting(
        "",
        "Directory of the prepared corpus (see data_prep.main).",
        changeable=True,
        path=True,
    )
    run_dir: str = base.setting(
        "",
        "Directory of the run, created if missing.",
        changeable=True,
        path=True,
    )
    tasks: tuple[str, ...] = base.setting(
        (), "Tasks to train on; if empty, all tasks of the corpus."
    )
    max_train_examples: tuple[str, ...] = base.setting(
        (),
        "Maximum numbers of training examples, as NUMBER for all tasks or "
        "NAME:NUMBER for one; a random sample of a seed contains its smaller "
        "ones. Dev and test stay whole.",
    )
    seed: int = base.setting(0, "Random seed.")
    num_runs: int = base.setting(
        1,
        "Number of runs, with seeds seed, seed + 1, ..., each in its own "
        "process; the results are their mean and standard deviation.",
        changeable=True,
    )
    init_from: str = base.setting(
        "",
        "Run directory whose best checkpoint initializes the weights of the "
        "same name.",
        path=True,
    )
    teachers: tuple[str, ...] = base.setting(
        (),
        "Run directories whose mean probabilities are the pseudo-labels of "
        "unlabeled texts.",
        path=True,
    )
    threads: int = base.setting(
        0, "Number of TensorFlow threads; 0: one per core.", changeable=True
    )
    precision: str = base.setting(
        "float32",
        "Precision of the LSTMs' matrix products; states, gates, weights and "
        "updates are always float32.",
        choices=choices.PRECISIONS,
    )
    recurrence: str = base.setting(
        "auto",
        "Form of the LSTMs' loop over time; packed: for CPUs, over the tokens "
        "alone; scan: for accelerators, over padded texts, compiled by XLA; "
        "auto: scan if there is a GPU, else packed.",
        choices=choices.RECURRENCES,
        changeable=True,
    )
    distribution: str = base.setting(
        "one_device",
        "Devices of a training step; mirrored: all GPUs of the machine, or all "
        "logical CPU devices if it has no GPU, each with an equal part of the "
        "step's task batches; multi_worker: those of the worker processes that "
        "TF_CONFIG names.",
        choices=choices.DISTRIBUTIONS,
        changeable=True,
    )
    data_service: str = base.setting(
        "",
        "HOST:PORT of the dispatcher of a tf.data service (see "
        "mtl_tf.data.service_process) whose workers make the training batches; "
        "the batches stay the same.",
        changeable=True,
    )
