"""Checks of settings that do not go with several devices."""


def check(config) -> None:
    """Checks that a training step can be split by its task batches.

    Args:
      config: settings of a run, a `config.Config`.

    Raises:
      ValueError: if a setting does not go with `distribution`.
    """
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
