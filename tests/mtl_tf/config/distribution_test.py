"""Settings that do not go with several devices or workers."""

import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.config import distribution

_SEVERAL = ("mirrored", "multi_worker")


@pytest.mark.parametrize("value", _SEVERAL)
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"update": "alternating"}, "with update=alternating a step has one"),
        ({"sharing": "single_task"}, "with sharing=single_task a step has one"),
        ({"affinity_every": 3}, "affinity_every=3 measures the effect of"),
    ],
)
def test_step_that_cannot_be_split_is_refused(value, settings, message):
    config_lib.Config(**settings)
    with pytest.raises(ValueError, match=message) as caught:
        config_lib.Config(distribution=value, **settings)
    assert f"distribution={value}" in str(caught.value)


def test_workers_train_one_run():
    config_lib.Config(distribution="mirrored", num_runs=2)
    with pytest.raises(
        ValueError,
        match="distribution=multi_worker trains one run in several worker "
        "processes, got num_runs=2: set num_runs=1",
    ):
        config_lib.Config(distribution="multi_worker", num_runs=2)


def test_studies_have_no_workers():
    distribution.check_study(config_lib.Config(distribution="mirrored"))
    config = config_lib.Config(distribution="multi_worker")
    with pytest.raises(
        ValueError,
        match="distribution=multi_worker trains one run in several worker "
        "processes, and a study trains each of its runs in a process: set "
        "distribution=one_device or mirrored",
    ):
        distribution.check_study(config)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
