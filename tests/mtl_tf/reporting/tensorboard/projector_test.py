import json
import os
import sys
import urllib.parse
from wsgiref import util

import numpy as np
import pytest
from tensorboard.backend.event_processing import data_provider
from tensorboard.backend.event_processing import plugin_event_multiplexer
from tensorboard.plugins import base_plugin
from tensorboard.plugins.projector import projector_plugin

from mtl_tf.data import records
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.reporting.tensorboard import projector
from mtl_tf.runs import label_embeddings
from mtl_tf.runs import results

_TASKS = (
    tasks_lib.Task("books", ("bad", "good")),
    tasks_lib.Task("films", ("poor", "great")),
)
_LONG = "word " * 30
_ROWS = {
    "books": [
        records.Row("b0", "", "a\ttab,\r\na line\u2028and a   blank", "good"),
        records.Row("b1", "", _LONG, "bad"),
    ],
    "films": [
        records.Row("f0", "topic", "naïve “quotes”", "poor"),
        records.Row("f1", "", "", "great"),
        records.Row("f2", "", "x" * 80, "great"),
    ],
}
_TOKENS = (*vocabulary_lib.SPECIAL_TOKENS, "the", '"', "café")
_VECTORS = np.arange(len(_TOKENS) * 3, dtype=np.float32).reshape(-1, 3) / 7
_FEATURES = np.array(
    [[1.5, -2, 0.001], [0, 0, 0], [1e-12, 3, 4], [-5, 6e8, 7]], np.float32
)
# Not in the order of the records, and not all of them.
_SAMPLE = {
    "id": ["b1", "b0", "f2", "f0"],
    "task": ["books", "books", "films", "films"],
    "label": ["bad", "good", "great", "poor"],
    "predicted": ["bad", "bad", "great", "great"],
}


def write(folder, features=_FEATURES, labels=None):
    """Writes a run and its projector; returns the projector's directory."""
    for task, rows in _ROWS.items():
        records.write_rows(
            str(folder / "data"), task, "test", rows, np.zeros([len(rows), 5])
        )
    log_dir = folder / "run" / "tensorboard"
    log_dir.mkdir(parents=True, exist_ok=True)
    np.savez(
        folder / "run" / results.FEATURES_FILE,
        kind="shared",
        features=features,
        **{name: np.array(column) for name, column in _SAMPLE.items()},
    )
    if labels is not None:
        label_embeddings.write(
            str(folder / "run"), _TASKS, labels, [np.array([0, 1])] * 2
        )
    results.write(str(folder / "run"), {})
    projector.write(
        str(log_dir),
        str(folder / "run"),
        str(folder / "data"),
        _TASKS,
        _TOKENS,
        _VECTORS,
    )
    return str(log_dir)


class Server:
    """The server of TensorBoard's projector."""

    def __init__(self, log_dir):
        # TensorBoard recognizes a run by its event file.
        open(os.path.join(log_dir, "events.out.tfevents.1.here"), "wb").close()
        events = plugin_event_multiplexer.EventMultiplexer()
        events.AddRunsFromDirectory(log_dir)
        events.Reload()
        self._apps = projector_plugin.ProjectorPlugin(
            base_plugin.TBContext(
                logdir=log_dir,
                data_provider=data_provider.MultiplexerDataProvider(
                    events, log_dir
                ),
            )
        ).get_plugin_apps()

    def get(self, route, **arguments):
        query = urllib.parse.urlencode({"run": ".", **arguments})
        request = {"QUERY_STRING": query}
        util.setup_testing_defaults(request)
        statuses = []
        data = b"".join(
            self._apps[route](
                request, lambda status, headers: statuses.append(status)
            )
        )
        assert statuses == ["200 OK"], data
        return data


def lines(data):
    """Splits metadata into cells, as the projector does."""
    return [line.split("\t") for line in data.decode().strip("\n").split("\n")]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    return Server(write(tmp_path_factory.mktemp("folder")))


def test_sets_of_points(server):
    actual = json.loads(server.get("/info"))["embeddings"]
    assert [(x["tensorName"], x["tensorShape"]) for x in actual] == [
        ("texts, shared features", [4, 3]),
        ("words", [3, 3]),
    ]


def test_texts_by_their_features(server):
    name = "texts, shared features"
    vectors = np.frombuffer(server.get("/tensor", name=name), np.float32)
    np.testing.assert_allclose(vectors.reshape(4, 3), _FEATURES, rtol=1e-4)
    assert lines(server.get("/metadata", name=name)) == [
        ["text", "task", "label", "predicted", "outcome", "id"],
        [
            ("word " * 15 + "word")[:79] + "…",
            "books",
            "bad",
            "bad",
            "correct",
            "b1",
        ],
        [
            "a tab, a line and a blank",
            "books",
            "good",
            "bad",
            "wrong",
            "b0",
        ],
        ["x" * 80, "films", "great", "great", "correct", "f2"],
        ["naïve “quotes”", "films", "poor", "great", "wrong", "f0"],
    ]


def test_words_without_special_tokens(server):
    vectors = np.frombuffer(server.get("/tensor", name="words"), np.float32)
    np.testing.assert_allclose(vectors.reshape(3, 3), _VECTORS[4:], rtol=1e-4)
    assert lines(server.get("/metadata", name="words")) == [
        ["the"],
        ['"'],
        ["café"],
    ]


def test_only_the_most_frequent_words_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr(projector, "WORDS", 2)
    actual = Server(write(tmp_path)).get("/metadata", name="words")
    assert lines(actual) == [["the"], ['"']]


def test_points_are_replaced_and_can_be_moved(tmp_path):
    write(tmp_path)
    log_dir = write(tmp_path, features=_FEATURES + 1)
    moved = tmp_path / "elsewhere"
    os.rename(log_dir, moved)
    server = Server(str(moved))
    assert len(json.loads(server.get("/info"))["embeddings"]) == 2
    vectors = server.get("/tensor", name="texts, shared features")
    np.testing.assert_allclose(
        np.frombuffer(vectors, np.float32).reshape(4, 3),
        _FEATURES + 1,
        rtol=1e-4,
    )


def test_labels_of_a_label_embedding(tmp_path):
    vectors = np.array([[1, 2.5], [-3, 4], [0, 0], [1e-3, 7]], np.float32)
    server = Server(write(tmp_path, labels=vectors))
    actual = json.loads(server.get("/info"))["embeddings"]
    assert [(x["tensorName"], x["tensorShape"]) for x in actual][2:] == [
        ("labels", [4, 2])
    ]
    shown = np.frombuffer(server.get("/tensor", name="labels"), np.float32)
    np.testing.assert_allclose(shown.reshape(4, 2), vectors, rtol=1e-4)
    assert lines(server.get("/metadata", name="labels")) == [
        ["label", "task"],
        ["bad", "books"],
        ["good", "books"],
        ["poor", "films"],
        ["great", "films"],
    ]


def test_tabs_and_line_ends_in_labels_are_escaped(tmp_path, monkeypatch):
    odd = ("tab\there", "two\nlines")
    tasks = (tasks_lib.Task("books", odd), _TASKS[1])
    monkeypatch.setattr(sys.modules[__name__], "_TASKS", tasks)
    sample = {**_SAMPLE, "label": [*odd, "great", "\u202epoor\r\u2028"]}
    monkeypatch.setattr(sys.modules[__name__], "_SAMPLE", sample)
    server = Server(write(tmp_path, labels=np.eye(4, dtype=np.float32)))
    texts = lines(server.get("/metadata", name="texts, shared features"))
    assert [len(cells) for cells in texts] == [6] * 5
    assert [cells[2] for cells in texts[1:]] == [
        r"tab\there",
        r"two\nlines",
        "great",
        r"\u202epoor\r\u2028",
    ]
    assert lines(server.get("/metadata", name="labels"))[1:] == [
        [r"tab\there", "books"],
        [r"two\nlines", "books"],
        ["poor", "films"],
        ["great", "films"],
    ]


def test_the_most_frequent_of_many_labels_have_a_column(tmp_path, monkeypatch):
    rows = {
        "books": [
            records.Row(f"b{n}", "", f"text {n}", f"label {max(n, 3)}")
            for n in range(30)
        ]
    }
    task = tasks_lib.Task("books", tuple(f"label {n}" for n in range(30)))
    sample = {
        "id": [row.id for row in rows["books"]],
        "task": ["books"] * 30,
        "label": [row.label for row in rows["books"]],
        "predicted": ["label 0"] * 30,
    }
    here = sys.modules[__name__]
    monkeypatch.setattr(here, "_ROWS", rows)
    monkeypatch.setattr(here, "_TASKS", (task,))
    monkeypatch.setattr(here, "_SAMPLE", sample)
    folder = write(tmp_path, features=np.eye(30, 3, dtype=np.float32))
    server = Server(folder)
    head, *cells = lines(server.get("/metadata", name="texts, shared features"))
    assert head[3] == "label, 20 most frequent of 27"
    # Label 3 has four rows. Of the others, which have one, the first by name.
    shown = sorted({row.label for row in rows["books"]} - {"label 3"})[:19]
    shown.append("label 3")
    for line in cells:
        assert line[3] == (line[2] if line[2] in shown else "other (7)")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
