import dataclasses
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from matplotlib.backends import backend_agg

from mtl_tf.reporting.html import artifacts
from mtl_tf.reporting.html import charts
from mtl_tf.reporting.html import details
from tests.helpers import run_artifacts

SVG = "{http://www.w3.org/2000/svg}"


def texts_of(chart):
    """Returns the words of a chart, whose text is not outlines."""
    return {
        "".join(element.itertext()).strip()
        for element in ElementTree.fromstring(chart).iter(f"{SVG}text")
    }


def images_of(chart):
    return list(ElementTree.fromstring(chart).iter(f"{SVG}image"))


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


def test_accuracy_by_epoch(runs):
    expected = [0.55, 0.6, 0.65]
    plain, seeds = runs["plain"], runs["seeds"]
    assert charts.mean_accuracies(plain, "dev") == pytest.approx(expected)
    assert charts.mean_accuracies(seeds, "dev") == pytest.approx(expected[:2])
    assert charts.mean_accuracies(plain, "training") == pytest.approx(
        [0.6, 0.7, 0.8]
    )


def test_a_part_that_stopped_early_keeps_its_last_accuracy(runs):
    part = next(iter(runs["seeds"].seeds[0].parts.values()))
    last = part.history.pop()
    # Of four single-task models, one stays at 0.55.
    actual = charts.mean_accuracies(runs["seeds"], "dev")
    part.history.append(last)
    assert actual == pytest.approx([0.55, 0.5875])


def test_training_charts_show_tasks_and_training(runs):
    by_task, accuracy, losses = map(texts_of, charts.training(runs["plain"]))
    assert {"reviews", "stance", "average", "epoch"} <= by_task
    assert {"training", "dev"} <= accuracy
    assert "training" in losses


def test_accuracies_of_several_runs_have_names_on_dev_and_training(runs):
    names = ["$a$", "_hidden", "中文", run_artifacts.SCRIPT]
    actual = charts.accuracies(dict.fromkeys(names, runs["plain"]))
    for chart, split in zip(actual, ("dev", "training"), strict=True):
        assert {*names, f"{split} accuracy"} <= texts_of(chart)
        assert run_artifacts.SCRIPT not in chart


def test_accuracies_of_runs_without_a_history_are_not_drawn(runs):
    empty = dataclasses.replace(runs["plain"], history=[])
    assert charts.accuracies({"a": empty}) == []


@pytest.mark.parametrize(("count", "is_broad"), [(8, False), (9, True)])
def test_many_curves_have_a_broad_chart(runs, count, is_broad):
    by_name = {str(index): runs["plain"] for index in range(count)}
    chart = charts.accuracies(by_name)[0]
    assert ('class="chart broad"' in chart) == is_broad


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
    chart = charts.reliability(
        [
            make_calibration([0.9, 0.6], [True, False]),
            make_calibration([0.8], [True]),
        ]
    )
    assert {"uncalibrated", "with temperature scaling"} <= texts_of(chart)
    correct = [True, False, True]
    assert calls == [([0.9, 0.6, 0.8], correct), ([0.45, 0.3, 0.4], correct)]


def test_the_legend_of_reliability_covers_no_bar(monkeypatch):
    monkeypatch.setattr(charts.inline_svg, "embed", lambda picture, *_: picture)
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
    by_task, by_label = map(texts_of, charts.feature_maps(sample))
    # Two axes explain everything; the variances are about 9 to 1.
    variances = sample.features[:, :2].var(axis=0)
    cross = np.linalg.eigvalsh(np.cov(sample.features[:, :2].T))
    share = cross[1] / cross.sum()
    assert share == pytest.approx(variances[0] / variances.sum(), abs=0.02)
    titles = {
        f"axis 1 ({share:.0%} of variance)",
        f"axis 2 ({1 - share:.0%} of variance)",
    }
    assert {"by task", "task0", "task1", "task2", *titles} <= by_task
    assert {"by label", "$bad", "_good", *titles} <= by_label


def test_points_are_rasterized():
    """Thousands of points as shapes would make a page of megabytes."""
    few, many = (
        len("".join(charts.feature_maps(make_features(texts))))
        for texts in (60, 1200)
    )
    assert all(map(images_of, charts.feature_maps(make_features())))
    assert many < 200_000
    assert many < 10 * few


def test_constant_features_are_a_single_point():
    sample = make_features()
    sample.features[:] = 1
    for chart in charts.feature_maps(sample):
        assert "axis 1 (0% of variance)" in texts_of(chart)


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
