"""Warm starts of models with a label embedding and task-specific layers."""

import pytest

from tests.helpers import generated
from tests.helpers import trained_runs
from tests.helpers import warm_starts

_SETTINGS = {
    "encoder": "conditional_bilstm",
    "skip_connection": True,
    "word_overlap": True,
    "task_layer_size": 3,
    "output_layer": "label_embedding",
    "label_embedding_dim": 2,
    "shared_labels": True,
    "label_bias": True,
}
_TASK_KERNEL = "head/task_layer/kernel"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("warm_start")


@pytest.fixture(scope="module")
def corpus(folder):
    return generated.write_corpus(
        str(folder / "corpus"),
        rows={"train": 32, "dev": 12, "test": 4},
        pairs=("games",),
    )


@pytest.fixture(scope="module")
def trained(folder, corpus):
    return trained_runs.leave_run(
        corpus, folder / "trained", tasks=("books", "games"), **_SETTINGS
    )


def test_rows_are_loaded_by_task_and_label(corpus, trained, tmp_path):
    new, start, summary = warm_starts.start_from(
        trained, corpus, tmp_path, **_SETTINGS
    )
    rows = {
        # New tasks: books, films, games; trained ones: books, games.
        "private_encoder": ([0, 2], [0, 1]),
        "task_layer": ([0, 2], [0, 1]),
        "task_discriminator": ([0, 2], [0, 1]),
        # bad and good; poor, fair and great; no and yes.
        "label_embedding": ([0, 1, 5, 6], [0, 1, 2, 3]),
    }
    warm_starts.assert_weights(new, start, trained, rows)
    warm_starts.assert_same_predictions(new, trained, ("books", "games"))
    assert summary["weights"]["head/label_embedding/table"] == {
        "loaded": 4 * 2,
        "of": 7 * 2,
    }
    assert summary["weights"]["head/label_embedding/shared_vectors"] == {
        "loaded": 4 * 2,
        "of": 7 * 2,
    }
    assert "encoder/shared_encoder/seq1_backward/kernel" in summary["weights"]


def test_private_encoders_may_be_removed(corpus, trained, tmp_path):
    new, start, summary = warm_starts.start_from(
        trained,
        corpus,
        tmp_path,
        tasks=("books", "games"),
        sharing="fully_shared",
        **_SETTINGS,
    )
    # Shared features (two directions of 4 units), then the mean vectors of
    # seq2 and seq1 (5 each) and 2 overlaps: all but the last 8 columns.
    kernel = warm_starts.read_weight(trained, _TASK_KERNEL)
    assert kernel.shape == (2, 8 + 5 + 5 + 2 + 8, 3)
    start[_TASK_KERNEL] = kernel[:, : 8 + 5 + 5 + 2]
    start["head/task_layer/bias"] = warm_starts.read_weight(
        trained, "head/task_layer/bias"
    )
    warm_starts.assert_weights(new, start, trained, {"task_layer": ([], [])})
    assert summary["weights"][_TASK_KERNEL] == {
        "loaded": 2 * 20 * 3,
        "of": 2 * 20 * 3,
    }


# A model that is quick to build.
_PLAIN = {
    "encoder": "bag_of_words",
    "pooling": "mean",
    "task_layer_size": 3,
    "output_layer": "label_embedding",
}
_LABEL_TRANSFER = {"label_transfer": "supervised", "main_task": "books"}


@pytest.mark.parametrize(
    ("trained_has_one", "new_has_one"),
    [(False, True), (True, False), (True, True)],
)
def test_label_transfer_network_starts_from_random_weights(
    corpus, tmp_path, new_has_one, trained_has_one
):
    """All other weights are loaded, whichever of the two runs has one."""
    run_dir = trained_runs.leave_run(
        corpus,
        tmp_path / "trained",
        tasks=("books", "games"),
        **_PLAIN,
        **(_LABEL_TRANSFER if trained_has_one else {}),
    )
    new, start, summary = warm_starts.start_from(
        run_dir,
        corpus,
        tmp_path,
        tasks=("books", "games"),
        **_PLAIN,
        **(_LABEL_TRANSFER if new_has_one else {}),
    )
    # No rows are loaded, although the shapes are equal.
    rows = {"label_transfer_network": ([], [])}
    warm_starts.assert_weights(new, start, run_dir, rows)
    own = {
        f"label_transfer_network/{layer}/{weight}"
        for layer in ("hidden", "output")
        for weight in ("kernel", "bias")
    }
    for path, count in summary["weights"].items():
        loaded = 0 if path in own else count["of"]
        assert count["loaded"] == loaded, path
    assert (own <= set(summary["weights"])) == new_has_one
    left = own if trained_has_one else set()
    assert set(summary["weights_left"]) == left


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("task_layer_size", 4, "3 -> 4"),
        ("skip_connection", False, "True -> False"),
        ("label_embedding_dim", 3, "2 -> 3"),
    ],
)
def test_different_layers_are_refused(
    corpus, trained, tmp_path, name, value, shown
):
    with pytest.raises(
        ValueError, match=f"model differs .*\n  {name}: {shown}$"
    ):
        warm_starts.start_from(
            trained, corpus, tmp_path, **_SETTINGS | {name: value}
        )


def test_chained_task_layers_are_refused(corpus, tmp_path):
    chained = trained_runs.leave_run(
        corpus, tmp_path / "chained", **_PLAIN, chained_task_layers=True
    )
    with pytest.raises(ValueError, match="chained_task_layers: True -> False"):
        warm_starts.start_from(chained, corpus, tmp_path, **_PLAIN)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
