import ast
import pathlib
import re

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.util import tensor_util

from mtl_tf.config import config as config_lib
from mtl_tf.metrics import classification
from mtl_tf.reporting.tensorboard import scalars


def written(folder, write):
    """Calls `write` with a writer, and reads the events."""
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default(3):
        write()
    writer.close()
    events = event_accumulator.EventAccumulator(str(folder))
    events.Reload()
    return events


def test_a_point_has_the_description_of_its_tag(tmp_path):
    events = written(tmp_path, lambda: scalars.write("loss/task", 0.5))
    (event,) = events.Tensors("loss/task")
    assert event.step == 3
    assert tensor_util.make_ndarray(event.tensor_proto).item() == 0.5
    metadata = events.SummaryMetadata("loss/task")
    assert metadata.summary_description == scalars.DESCRIPTIONS["loss/task"]
    assert metadata.plugin_data.plugin_name == "scalars"


def test_the_tag_of_a_task_has_the_description_of_its_group(tmp_path):
    events = written(tmp_path, lambda: scalars.write("dev_loss/books", 0.5))
    metadata = events.SummaryMetadata("dev_loss/books")
    assert metadata.summary_description == scalars.DESCRIPTIONS["dev_loss"]


def test_every_curve_is_described():
    # All strings of the library that look like tags.
    prefix = re.compile(
        r"(loss|loss_weighted|discriminator|training|pseudo_label)/\w+"
    )
    names = set()
    for path in pathlib.Path(scalars.__file__).parents[2].rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                names |= {node.value} if prefix.fullmatch(node.value) else set()
    assert {"loss/total", "training/tokens_per_second"} <= names
    assert names <= set(scalars.DESCRIPTIONS)


def test_every_metric_is_described():
    for metric in classification.METRICS:
        assert {f"dev_{metric}", f"test/{metric}"} <= set(scalars.DESCRIPTIONS)


def test_settings_in_descriptions_exist():
    names = {name for name in vars(config_lib.Config()) if "_" in name}
    flags = {"discriminator_updates", "clip_norm", "main_task"}
    flags |= {"transfer_weight", "pseudo_label_threshold"}
    assert flags <= names
    descriptions = " ".join(scalars.DESCRIPTIONS.values())
    quoted = set(re.findall(r"`([^`]+)`", descriptions))
    known = (
        names
        | set(scalars.DESCRIPTIONS)
        # Values of settings, a group of curves, a mode, a text.
        | {"reversal", "confusion", "normalized", "frobenius"}
        | {"loss_weighted", "--mode=analyze", "run/test_scores"}
    )
    assert quoted <= known


@pytest.mark.parametrize(
    ("adversarial", "label_transfer"),
    [(True, True), (True, False), (False, True), (False, False)],
)
def test_charts_have_existing_curves(tmp_path, adversarial, label_transfer):
    events = written(
        tmp_path, lambda: scalars.write_charts(adversarial, label_transfer)
    )
    (event,) = events.Tensors("custom_scalars__config__")
    layout = layout_pb2.Layout.FromString(event.tensor_proto.string_val[0])
    headings = [category.title for category in layout.category]
    assert headings == (
        ["learning"]
        + ["adversary"] * adversarial
        + ["label transfer"] * label_transfer
    )
    for category in layout.category:
        for chart in category.chart:
            for pattern in chart.multiline.tag:
                matches = [
                    tag
                    for tag in scalars.DESCRIPTIONS
                    # The tags of a group are those of tasks.
                    if re.search(pattern, tag if "/" in tag else f"{tag}/a")
                ]
                assert len(matches) == 1, pattern


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
