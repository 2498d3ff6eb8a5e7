import dataclasses

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import metadata

from mtl_tf.config import config as config_lib
from mtl_tf.reporting.tensorboard import hyperparameters
from mtl_tf.reporting.tensorboard import scalars

_CONFIG = config_lib.Config(
    run_dir="runs/one",
    sharing="fully_shared",
    tasks=("books", "my_films"),
    task_weights=("books:2",),
    learning_rate=0.5,
    adversarial_weight=0.25,
    unlabeled=True,
    epochs=7,
)


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    """The contents of HParams of a run, by tag."""
    folder = str(tmp_path_factory.mktemp("run"))
    writer = tf.summary.create_file_writer(folder)
    with writer.as_default(0):
        hyperparameters.write(_CONFIG)
    writer.close()
    events = event_accumulator.EventAccumulator(folder)
    events.Reload()
    return {
        tag: events.SummaryMetadata(tag).plugin_data.content
        for tag in events.Tags()["tensors"]
    }


@pytest.fixture(scope="module")
def experiment(contents):
    return metadata.parse_experiment_plugin_data(
        contents[metadata.EXPERIMENT_TAG]
    )


def test_values_of_the_settings(contents):
    start = metadata.parse_session_start_info_plugin_data(
        contents[metadata.SESSION_START_INFO_TAG]
    )
    values = {
        name: getattr(value, value.WhichOneof("kind"))
        for name, value in start.hparams.items()
    }
    expected = _CONFIG.to_dict() | {
        "tasks": "2: books, my_films",
        "task_weights": "1: books:2",
        "max_train_examples": "",
        "word_vectors": "",
        "teachers": "",
    }
    for field in dataclasses.fields(_CONFIG):
        if field.metadata["changeable"]:
            del expected[field.name]
    assert values == expected
    assert "epochs" not in values
    # Runs with the same settings are separate.
    assert start.group_name == "one (runs)"


@pytest.mark.parametrize(
    ("run_dir", "expected"),
    [
        ("one", "one (.)"),
        ("/long/path/of/one", "one (/long/path/of)"),
        ("runs/one/", "one (runs)"),
        ("runs/one/seeds/3", "3 of one (runs)"),
        ("runs/one/tasks/books", "books of one (runs)"),
        ("runs/one/seeds/3/tasks/books", "books of 3 of one (runs)"),
    ],
)
def test_names_of_trials_start_with_what_differs(run_dir, expected):
    assert hyperparameters.trial_id(run_dir) == expected


def test_every_value_has_a_column(contents, experiment):
    start = metadata.parse_session_start_info_plugin_data(
        contents[metadata.SESSION_START_INFO_TAG]
    )
    names = [info.name for info in experiment.hparam_infos]
    assert sorted(names) == sorted(start.hparams)
    for info in experiment.hparam_infos:
        assert info.description


def test_domains_of_settings(experiment):
    infos = {info.name: info for info in experiment.hparam_infos}
    sharing = infos["sharing"]
    assert sharing.type == api_pb2.DATA_TYPE_STRING
    assert {v.string_value for v in sharing.domain_discrete.values} == {
        "single_task",
        "fully_shared",
        "shared_private",
    }
    unlabeled = infos["unlabeled"]
    assert unlabeled.type == api_pb2.DATA_TYPE_BOOL
    assert [v.bool_value for v in unlabeled.domain_discrete.values] == [0, 1]
    dropout = infos["word_dropout"].domain_interval
    assert (dropout.min_value, dropout.max_value) == (0, 1)
    assert infos["learning_rate"].WhichOneof("domain") is None
    assert infos["adversarial_weight"].display_name == "adversarial_weight (λ)"


def test_columns_that_are_shown_by_default(experiment):
    shown = {info.name for info in experiment.hparam_infos if info.differs}
    # TensorBoard shows five by default.
    assert len(shown) == 5
    assert {"sharing", "adversarial_weight", "orthogonality_weight"} <= shown


def test_metrics_are_curves(experiment):
    metrics = {
        info.name.tag: info.display_name for info in experiment.metric_infos
    }
    assert metrics == {
        "best/dev_average": "best dev average",
        "best/epoch": "best epoch",
        "test/accuracy": "test accuracy",
        "test/macro_f1": "test macro F1",
    }
    assert set(metrics) <= set(scalars.DESCRIPTIONS)


def rows_below(table, heading):
    part = table.split(f"### {heading}\n\n")[1].split("\n\n")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in part.splitlines()
    ]


def test_table_begins_with_non_default_settings():
    table = hyperparameters.table(_CONFIG)
    assert table.startswith("### Non-default settings\n")
    assert rows_below(table, "Non-default settings") == [
        ["setting", "value", "default"],
        ["---", "---", "---"],
        ["run_dir", "`runs/one`", ""],
        ["tasks", "`books, my_films`", ""],
        ["sharing", "`fully_shared`", "`shared_private`"],
        ["adversarial_weight", "`0.25`", "`0.0`"],
        ["unlabeled", "`True`", "`False`"],
        ["task_weights", "`books:2`", ""],
        ["learning_rate", "`0.5`", "`0.001`"],
        ["epochs", "`7`", "`20`"],
    ]
    all_settings = rows_below(table, "All settings")
    assert [row[0] for row in all_settings[2:]] == [
        field.name for field in dataclasses.fields(_CONFIG)
    ]
    assert ["seed", "`0`", "Random seed."] in all_settings


@pytest.mark.filterwarnings("ignore:html5lib's sanitizer is deprecated")
def test_tensorboard_renders_the_tables():
    # Its import warns.
    from tensorboard import plugin_util

    html = plugin_util.markdown_to_safe_html(hyperparameters.table(_CONFIG))
    assert html.count("<table>") == 2
    # Underscores are not markup.
    assert "<code>books, my_films</code>" in html
    assert "<em>" not in html
    fields = len(dataclasses.fields(_CONFIG))
    changed = 8
    assert html.count("<tr>") == fields + changed + 2


def test_columns_of_a_study(tmp_path):
    # A run with two parts.
    for seed in ("0", "1"):
        folder = tmp_path / "seeds" / seed / "tensorboard"
        writer = tf.summary.create_file_writer(str(folder))
        with writer.as_default(0):
            hyperparameters.write(_CONFIG)
            tf.summary.scalar("dev/average", 0.5, step=3)
        writer.close()
    names = ["learning_rate", "epochs", "encoder"]
    hyperparameters.declare_columns(str(tmp_path), names)
    for seed in ("0", "1"):
        folder = tmp_path / "seeds" / seed / "tensorboard"
        assert len(list(folder.iterdir())) == 1
        events = event_accumulator.EventAccumulator(str(folder))
        events.Reload()
        experiment, start = (
            events.SummaryMetadata(tag).plugin_data.content
            for tag in (
                metadata.EXPERIMENT_TAG,
                metadata.SESSION_START_INFO_TAG,
            )
        )
        infos = metadata.parse_experiment_plugin_data(experiment).hparam_infos
        assert sorted(info.name for info in infos) == sorted(names)
        assert all(info.differs for info in infos)
        # All else is as it was.
        values = metadata.parse_session_start_info_plugin_data(start).hparams
        assert values["adversarial_weight"].number_value == 0.25
        (curve,) = events.Tensors("dev/average")
        assert (curve.step, tf.make_ndarray(curve.tensor_proto)) == (3, 0.5)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
