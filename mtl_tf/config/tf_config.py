"""TF_CONFIG: the environment variable that makes a process a worker.

`tf.distribute` reads it, too, and explains less where it is wrong.
"""

import dataclasses
import json
import os
from collections.abc import Mapping

from mtl_tf.config import choices
from mtl_tf.utils import addresses as addresses_lib

VARIABLE = "TF_CONFIG"
# Jobs that train, in the order of their workers.
_JOBS = ("chief", "worker")
_EXPECTED = (
    'expected {"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": '
    '"worker", "index": 0}} with the same cluster in all workers, and the '
    "index of each"
)


@dataclasses.dataclass(frozen=True)
class Worker:
    """A worker process of a cluster.

    Attributes:
      addresses: HOST:PORT of all workers; the first one is the chief's.
      index: index of this worker.
    """

    addresses: tuple[str, ...]
    index: int

    @property
    def is_chief(self) -> bool:
        """Returns whether this worker writes the files of a run."""
        return self.index == 0


def read(environment: Mapping[str, str] = os.environ) -> Worker:
    """Reads the worker that this process is.

    Args:
      environment: environment variables.

    Raises:
      ValueError: if TF_CONFIG is missing or malformed; the message shows what
        is expected.
    """
    text = environment.get(VARIABLE, "")
    if not text:
        raise ValueError(
            f"distribution={choices.MULTI_WORKER} needs the environment "
            f"variable {VARIABLE}: {_EXPECTED}"
        )
    try:
        return _parse(text)
    except ValueError as error:
        raise ValueError(f"{VARIABLE}={text:.200}: {error}; {_EXPECTED}") from (
            None
        )


def is_chief(distribution: str) -> bool:
    """Returns whether this process writes the files of a run.

    Args:
      distribution: one of `choices.DISTRIBUTIONS`.

    Raises:
      ValueError: as `read`, if there are several workers.
    """
    return distribution != choices.MULTI_WORKER or read().is_chief


def _parse(text):
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError(f"not JSON ({error})") from None
    cluster, task = (
        value.get(key) if isinstance(value, dict) else None
        for key in ("cluster", "task")
    )
    if not isinstance(cluster, dict) or not isinstance(task, dict):
        raise ValueError("'cluster' or 'task' is missing, or not an object")
    for job in cluster:
        if job not in _JOBS:
            raise ValueError(
                f"the cluster has a job {job!r}, not one of {', '.join(_JOBS)}"
            )
    addresses = [_addresses(cluster, job) for job in _JOBS]
    together = tuple(address for job in addresses for address in job)
    if len(addresses[0]) > 1:
        raise ValueError("the cluster has more than one chief")
    repeated = {x for x in together if together.count(x) > 1}
    if repeated:
        raise ValueError(f"the address {min(repeated)} is repeated")
    kind, index = task.get("type"), task.get("index")
    if kind not in cluster:
        raise ValueError(f"the cluster has no job {kind!r} of the task")
    size = len(cluster[kind])
    if type(index) is not int or not 0 <= index < size:
        raise ValueError(
            f"the index {index!r} of the task is not one of 0 to {size - 1}"
        )
    before = len(addresses[0]) if kind == "worker" else 0
    return Worker(together, before + index)


def _addresses(cluster, job):
    """Returns the addresses of a job."""
    addresses = cluster.get(job, [])
    if not isinstance(addresses, list) or (job in cluster and not addresses):
        raise ValueError(f"{job!r} is not a list of addresses")
    for address in addresses:
        if not isinstance(address, str):
            raise ValueError(f"{address!r} is not HOST:PORT")
        addresses_lib.parse(address)
    return addresses
