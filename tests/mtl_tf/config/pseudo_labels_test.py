"""Checks of the settings of pseudo-labels."""

import pytest

from mtl_tf.config import config as config_lib

_SUPERVISED = {"label_transfer": "supervised", "main_task": "books"}
_SEMI_SUPERVISED = {**_SUPERVISED, "label_transfer": "semi_supervised"}
_TEACHERS = {"teachers": ("runs/a",), "unlabeled": True}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"pseudo_label_weight": 0.5}, "pseudo_label_weight=0.5 needs pseudo-"),
        (
            {**_SUPERVISED, "pseudo_label_threshold": 0.5},
            "pseudo_label_threshold=0.5 needs pseudo-labels: set label_transfer"
            "=semi_supervised, or teachers",
        ),
        ({"teachers": ("runs/a",)}, "teachers give unlabeled texts their"),
        (
            {**_SEMI_SUPERVISED, **_TEACHERS},
            "teachers and label_transfer=semi_supervised both give",
        ),
        (
            {**_TEACHERS, "pseudo_label_threshold": 1.0},
            "pseudo_label_threshold=1.0: expected a probability below 1",
        ),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_pseudo_labels_have_one_source(values, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        config_lib.Config(**values)


@pytest.mark.parametrize("source", [_SEMI_SUPERVISED, _TEACHERS])
def test_both_sources_of_pseudo_labels_have_weight_and_threshold(source):
    values = {"pseudo_label_weight": 0.5, "pseudo_label_threshold": 0.7}
    config = config_lib.Config(**source, **values)
    assert config.pseudo_label_weight == 0.5
    assert config.pseudo_label_threshold == 0.7


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"update": "alternating"}, "with update=alternating a step has one"),
        ({"sharing": "single_task"}, "with sharing=single_task a step has one"),
        ({"affinity_every": 3}, "affinity_every=3 measures .* on one device"),
    ],
)
def test_settings_that_several_devices_do_not_allow_are_refused(
    settings, message
):
    config_lib.Config(**settings)
    with pytest.raises(ValueError, match=message) as caught:
        config_lib.Config(distribution="mirrored", **settings)
    assert "distribution=mirrored" in str(caught.value)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
