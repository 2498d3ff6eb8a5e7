import base64
import xml.etree.ElementTree

import numpy as np
import pytest
from matplotlib import figure
from matplotlib.backends import backend_agg

from mtl_tf.reporting.html import artifacts
from mtl_tf.reporting.html import charts
from mtl_tf.reporting.html import details
from mtl_tf.reporting.plots import figures
from tests.helpers import run_artifacts

PREFIX = "data:image/svg+xml;base64,"


def parse(uri):
    assert uri.startswith(PREFIX)
    return xml.etree.ElementTree.fromstring(
        base64.b64decode(uri[len(PREFIX) :])
    )


def texts_of(uri):
    """The words of a picture; text is kept as text."""
    return {
        "".join(element.itertext()).strip()
        for element in parse(uri).iter("{http://www.w3.org/2000/svg}text")
    }


def images_of(uri):
    return list(parse(uri).iter("{http://www.w3.org/2000/svg}image"))


def test_the_same_figure_is_the_same_picture():
    def draw():
        picture = figure.Figure()
        picture.subplots().plot([1, 2], [3, 4])
        return charts.data_uri(picture)

    assert draw() == draw()


def test_dev_curves_show_names_as_they_are():
    names = ["$a$", "_hidden", "中文", run_artifacts.SCRIPT]
    found = texts_of(charts.dev_curves({name: [0.1, 0.2] for name in names}))
    assert set(names) <= found


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    data_dir = run_artifacts.write_corpus(str(root / "corpus"))

    def make(name, **settings):
        return artifacts.read(
            run_artifacts.write_run(str(root / name), data_dir, **settings)
        )

    return {
        "plain": make("plain"),
        "seeds": make("seeds", num_runs=2, sharing="single_task", epochs=2),
    }


def test_dev_accuracy_by_epoch(runs):
    expected = [0.55, 0.6, 0.65]
    assert charts.dev_accuracy(runs["plain"]) == pytest.approx(expected)
    assert charts.dev_accuracy(runs["seeds"]) == pytest.approx(expected[:2])


def test_a_part_that_has_stopped_counts_with_its_last_epoch(runs):
    seeds = runs["seeds"]
    part = next(iter(seeds.seeds[0].parts.values()))
    del part.history[1:]
    # Of four single-task models, one stays at 0.55.
    assert charts.dev_accuracy(seeds) == pytest.approx([0.55, 0.5875])


def test_training_curves_are_those_of_the_history(runs):
    found = texts_of(charts.training(runs["plain"]))
    assert {"dev accuracy", "epoch", "each task"} <= found


def make_calibration(confidence, correct):
    return details.Calibration(
        task="t",
        accuracy=0.5,
        confidence=0.5,
        error=0.1,
        temperature=2.0,
        scaled_error=0.1,
        correct=np.array(correct),
        raw=np.array(confidence),
        scaled=np.array(confidence) / 2,
    )


def test_reliability_joins_the_tasks(monkeypatch):
    asked = []
    original = charts.calibration.reliability_of

    def spy(confidence, correct):
        asked.append((confidence.tolist(), correct.tolist()))
        return original(confidence, correct)

    monkeypatch.setattr(charts.calibration, "reliability_of", spy)
    uri = charts.reliability(
        [
            make_calibration([0.9, 0.6], [True, False]),
            make_calibration([0.8], [True]),
        ]
    )
    assert {"as the model says", "with temperature"} <= texts_of(uri)
    correct = [True, False, True]
    assert asked == [([0.9, 0.6, 0.8], correct), ([0.45, 0.3, 0.4], correct)]


def test_the_legend_of_reliability_covers_no_bar(monkeypatch):
    monkeypatch.setattr(charts, "data_uri", lambda picture: picture)
    # Sure of nothing and always right: bars at the left, to the top.
    picture = charts.reliability([make_calibration([0.05, 0.1], [True] * 2)])
    backend_agg.FigureCanvasAgg(picture).draw()
    (legend,) = picture.legends
    assert {text.get_text() for text in legend.get_texts()} == {
        "ideal",
        "accuracy",
        "mean confidence",
    }
    box = legend.get_window_extent()
    assert box.y0 >= 0
    for axis in picture.axes:
        assert axis.get_legend() is None
        assert not box.overlaps(axis.get_tightbbox())


def test_a_long_name_of_a_run_leaves_the_curves_their_room(monkeypatch):
    monkeypatch.setattr(charts, "data_uri", lambda picture: picture)
    picture = charts.dev_curves({"a" * 80: [0.1, 0.2], "b" * 80: [0.3]})
    backend_agg.FigureCanvasAgg(picture).draw()
    (axis,) = picture.axes
    assert min(axis.get_window_extent().size / picture.dpi) > 2.5
    assert [line.get_marker() for line in axis.lines] == ["None", "."]


def make_features(texts=60, width=4, tasks=3):
    random = np.random.default_rng(0)
    return artifacts.Features(
        "shared",
        random.normal(size=(texts, width)).astype(np.float32)
        * np.array([3, 1] + [0] * (width - 2), np.float32),
        np.array([f"task{row % tasks}" for row in range(texts)]),
        np.array(["$bad", "_good"] * (texts // 2)),
    )


def test_the_map_tells_tasks_labels_and_variance():
    sample = make_features()
    uri = charts.feature_map(sample)
    # Two axes hold all there is; the first 9 parts to 1, but for chance.
    variances = sample.features[:, :2].var(axis=0)
    cross = np.linalg.eigvalsh(np.cov(sample.features[:, :2].T))
    share = cross[1] / cross.sum()
    assert share == pytest.approx(variances[0] / variances.sum(), abs=0.02)
    assert {
        "task0",
        "task1",
        "task2",
        "$bad",
        "_good",
        f"axis 1 ({share:.0%} of variance)",
        f"axis 2 ({1 - share:.0%} of variance)",
    } <= texts_of(uri)


def test_points_are_pixels():
    """Thousands of points as shapes would make a page of megabytes."""
    few, many = (
        len(charts.feature_map(make_features(texts))) for texts in (60, 1200)
    )
    assert images_of(charts.feature_map(make_features()))
    assert many < 200_000
    assert many < 10 * few


def test_features_that_are_all_the_same_are_a_point():
    sample = make_features()
    sample.features[:] = 1
    assert "axis 1 (0% of variance)" in texts_of(charts.feature_map(sample))


def test_no_two_of_many_curves_look_alike():
    lines = {
        (number % len(figures.COLORS), number % len(charts._LINES))
        for number in range(35)
    }
    assert len(lines) == 35


def test_label_map_and_transfer_curves_show_their_names(tmp_path):
    data_dir = run_artifacts.write_corpus(str(tmp_path / "corpus"))
    run = artifacts.read(
        run_artifacts.write_run(
            str(tmp_path / "run"),
            data_dir,
            main_task="stance",
            label_transfer="supervised",
            output_layer="label_embedding",
        )
    )
    labels = {label for task in run_artifacts.TASKS for label in task.labels}
    found = texts_of(charts.label_map(run.label_vectors))
    assert labels - {run_artifacts.SCRIPT} | {"reviews", "stance"} <= found
    # A longer one keeps its beginning and its end.
    assert "<script>alert…cript>" in found
    found = texts_of(charts.transfer_curves(run))
    assert {"main model", "label transfer network", "base"} <= found


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
