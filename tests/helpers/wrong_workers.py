"""Wrong commands with several workers or a service: more of `wrong_input`."""

from tests.helpers import wrong_comparisons
from tests.helpers import wrong_input
from tests.helpers import wrong_searches
from tests.helpers import wrong_sweeps
from tests.helpers import wrong_transfer

_FLAG = "--distribution=multi_worker"
_STUDY = (
    "distribution=multi_worker trains one run in several worker processes, and "
    "a study trains each of its runs in a process: set "
    "distribution=one_device or mirrored"
)

CASES = {
    # The environment of the tests has no TF_CONFIG.
    "no worker": (
        {},
        f"{wrong_input.TRAIN} {_FLAG}",
        "distribution=multi_worker needs the environment variable TF_CONFIG: "
        'expected {"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": '
        '"worker", "index": 0}} with the same cluster in all workers, and the '
        "index of each",
    ),
    "several seeds with several workers": (
        {},
        f"{wrong_input.TRAIN} {_FLAG} --num_runs=3",
        "distribution=multi_worker trains one run in several worker processes, "
        "got num_runs=3: set num_runs=1 and give a run_dir to each seed, or "
        "set distribution=one_device or mirrored",
    ),
    "no address of a data service": (
        {},
        f"{wrong_input.TRAIN} --data_service=localhost",
        "data_service: 'localhost' is not HOST:PORT",
    ),
    # No process listens to the first port.
    "data service that does not run": (
        {},
        f"{wrong_input.TRAIN} --data_service=localhost:1",
        "data_service=localhost:1: nothing answers at localhost:1 (...): start "
        "a dispatcher there, python -m mtl_tf.data.service_process "
        "--port=PORT, or train without data_service",
    ),
    "comparison with several workers": (
        {},
        f"{wrong_comparisons.COMPARE} --models=sp_mtl {_FLAG}",
        f"model sp_mtl: {_STUDY}",
    ),
    "search with several workers": (
        {},
        f"{wrong_searches.SEARCH} --main_task=requests {_FLAG}",
        _STUDY,
    ),
    "leaving one out with several workers": (
        {},
        f"{wrong_transfer.LEAVE_ONE_OUT} {_FLAG}",
        _STUDY,
    ),
    "sweep with several workers": (
        wrong_sweeps.space("hidden_size = [2, 3]"),
        f"{wrong_sweeps.SWEEP} {_FLAG}",
        f"space.toml: all combinations are refused, such as ...: {_STUDY}",
    ),
}
