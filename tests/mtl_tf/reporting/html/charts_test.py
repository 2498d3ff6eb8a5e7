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
    """Returns the words of a picture, whose text is not outlines."""
    return {
        "".join(element.itertext()).strip()
        for element in parse(uri).iter("{http://www.w3.org/2000/svg}text")
    }


def images_of(uri):
    return list(parse(uri).iter("{http://www.w3.org/2000/svg}image"))


def test_pictures_are_reproducible():
    def draw():
        picture = figure.Figure()
        picture.subplots().plot([1, 2], [3, 4])
        return charts.data_uri(picture)

    assert draw() == draw()


def test_dev_curves_show_names_verbatim():
    names = ["$a$", "_hidden", "中文", run_artifacts.SCRIPT]
    actual = texts_of(charts.dev_curves({name: [0.1, 0.2] for name in names}))
    assert set(names) <= actual


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


def test_a_part_that_stopped_early_keeps_its_last_accuracy(runs):
    seeds = runs["seeds"]
    part = next(iter(seeds.seeds[0].parts.values()))
    del part.history[1:]
    # Of four single-task models, one stays at 0.55.
    assert charts.dev_accuracy(seeds) == pytest.approx([0.55, 0.5875])


def test_training_curves_show_the_history(runs):
    actual = texts_of(charts.training(runs["plain"]))
    assert {"dev accuracy", "epoch", "each task"} <= actual


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
    calls = []
    original = charts.calibration.reliability_from_confidence

    def spy(confidence, correct):
        calls.append((confidence.tolist(), correct.tolist()))
        return original(confidence, correct)

    monkeypatch.setattr(charts.calibration, "reliability_from_confidence", spy)
    uri = charts.reliability(
        [
            make_calibration([0.9, 0.6], [True, False]),
            make_calibration([0.8], [True]),
        ]
    )
    assert {"uncalibrated", "with temperature scaling"} <= texts_of(uri)
    correct = [True, False, True]
    assert calls == [([0.9, 0.6, 0.8], correct), ([0.45, 0.3, 0.4], correct)]


def test_the_legend_of_reliability_covers_no_bar(monkeypatch):
    monkeypatch.setattr(charts, "data_uri", lambda picture: picture)
    # Low confidence and always correct: high bars at the left.
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


def make_features(texts=60, hidden_size=4, tasks=3):
    random = np.random.default_rng(0)
    return artifacts.Features(
        "shared",
        random.normal(size=(texts, hidden_size)).astype(np.float32)
        * np.array([3, 1] + [0] * (hidden_size - 2), np.float32),
        np.array([f"task{row % tasks}" for row in range(texts)]),
        np.array(["$bad", "_good"] * (texts // 2)),
    )


def test_the_feature_map_shows_tasks_labels_and_variance():
    sample = make_features()
    uri = charts.feature_map(sample)
    # Two axes explain everything; the variances are about 9 to 1.
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


def test_points_are_rasterized():
    """Thousands of points as shapes would make a page of megabytes."""
    few, many = (
        len(charts.feature_map(make_features(texts))) for texts in (60, 1200)
    )
    assert images_of(charts.feature_map(make_features()))
    assert many < 200_000
    assert many < 10 * few


def test_constant_features_are_a_single_point():
    sample = make_features()
    sample.features[:] = 1
    assert "axis 1 (0% of variance)" in texts_of(charts.feature_map(sample))


def test_many_curves_look_different():
    looks = {
        (index % len(figures.COLORS), index % len(charts._LINES))
        for index in range(35)
    }
    assert len(looks) == 35


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
    actual = texts_of(charts.label_map(run.label_vectors))
    assert labels - {run_artifacts.SCRIPT} | {"reviews", "stance"} <= actual
    # A long label keeps its first and last characters.
    assert "<script>alert…cript>" in actual
    actual = texts_of(charts.transfer_curves(run, run.transfer_task))
    assert {"main model", "label transfer network", "base"} <= actual


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
