"""Checks of settings that do not go with several devices, workers or hosts."""

from mtl_tf.config import choices
from mtl_tf.utils import addresses


def check(config) -> None:
    """Checks that a training step can be split by its task batches.

    Args:
      config: settings of a run, a `config.Config`.

    Raises:
      ValueError: if a setting does not go with `distribution`.
    """
    if config.data_service:
        try:
            addresses.parse(config.data_service)
        except ValueError as error:
            raise ValueError(f"data_service: {error}") from None
    if config.distribution == "one_device":
        return
    where = f"distribution={config.distribution}"
    if config.update == "alternating":
        raise ValueError(
            f"{where} splits a step by its task batches: with "
            "update=alternating a step has one; set update=joint"
        )
    if config.sharing == "single_task":
        raise ValueError(
            f"{where} splits a step by its task batches: with "
            "sharing=single_task a step has one; set distribution=one_device"
        )
    if config.affinity_every:
        raise ValueError(
            f"affinity_every={config.affinity_every} measures the effect of "
            f"one task on another on one device, got {where}: set "
            "affinity_every=0 or distribution=one_device"
        )
    if config.distribution == choices.MULTI_WORKER and config.num_runs > 1:
        raise ValueError(
            f"{where} trains one run in several worker processes, got "
            f"num_runs={config.num_runs}: set num_runs=1 and give a run_dir to "
            "each seed, or set distribution=one_device or mirrored"
        )


def check_service(config) -> None:
    """Checks that the data service of a run can be reached, if it has one.

    Args:
      config: settings of a run that trains, a `config.Config`.

    Raises:
      ValueError: if nothing answers at its address.
    """
    if not config.data_service:
        return
    try:
        addresses.check_reachable(config.data_service)
    except ValueError as error:
        raise ValueError(
            f"data_service={config.data_service}: {error}: start a dispatcher "
            "there, python -m mtl_tf.data.service_process --port=PORT, or "
            "train without data_service"
        ) from None


def check_study(config) -> None:
    """Checks that a study, which trains runs in child processes, can do so.

    Args:
      config: settings of the runs of a study, a `config.Config`.

    Raises:
      ValueError: if the runs need worker processes themselves.
    """
    if config.distribution == choices.MULTI_WORKER:
        raise ValueError(
            f"distribution={config.distribution} trains one run in several "
            "worker processes, and a study trains each of its runs in a "
            "process: set distribution=one_device or mirrored"
        )
