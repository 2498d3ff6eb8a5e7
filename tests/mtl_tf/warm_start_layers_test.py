"""Warm starts of models with a label embedding and task-specific layers."""

import pytest

from tests import generated
from tests import trained_runs
from tests import warm_starts

_SETTINGS = {
    "encoder": "conditional_bilstm",
    "skip_connection": True,
    "task_layer_units": 3,
    "output_layer": "label_embedding",
    "label_width": 2,
    "label_bias": True,
}
_TASK_KERNEL = "task_layer/kernel"


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


def test_rows_are_those_of_their_tasks_and_labels(corpus, trained, tmp_path):
    new, start, found = warm_starts.start_from(
        trained, corpus, tmp_path, **_SETTINGS
    )
    rows = {
        # books, films, games; they were books, games.
        "private_encoder": ([0, 2], [0, 1]),
        "task_layer": ([0, 2], [0, 1]),
        "task_discriminator": ([0, 2], [0, 1]),
        # bad and good; poor, fair and great; no and yes.
        "label_embedding": ([0, 1, 5, 6], [0, 1, 2, 3]),
    }
    warm_starts.assert_weights(new, start, trained, rows)
    warm_starts.assert_same_predictions(new, trained, ("books", "games"))
    assert found["weights"]["label_embedding/table"] == {
        "loaded": 4 * 2,
        "of": 7 * 2,
    }
    assert "shared_encoder/seq1_backward/kernel" in found["weights"]


def test_private_encoders_are_left_behind(corpus, trained, tmp_path):
    new, start, found = warm_starts.start_from(
        trained,
        corpus,
        tmp_path,
        tasks=("books", "games"),
        sharing="fully_shared",
        **_SETTINGS,
    )
    # Shared features (two directions of 4 units), then the mean vectors of
    # seq2 and seq1 (5 each): all but the last 8 columns.
    kernel = warm_starts.read_weight(trained, _TASK_KERNEL)
    assert kernel.shape == (2, 8 + 5 + 5 + 8, 3)
    start[_TASK_KERNEL] = kernel[:, : 8 + 5 + 5]
    start["task_layer/bias"] = warm_starts.read_weight(
        trained, "task_layer/bias"
    )
    warm_starts.assert_weights(new, start, trained, {"task_layer": ([], [])})
    assert found["weights"][_TASK_KERNEL] == {
        "loaded": 2 * 18 * 3,
        "of": 2 * 18 * 3,
    }


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("task_layer_units", 4, "3 -> 4"),
        ("skip_connection", False, "True -> False"),
        ("label_width", 3, "2 -> 3"),
    ],
)
def test_layers_that_differ_are_another_model(
    corpus, trained, tmp_path, name, value, shown
):
    with pytest.raises(ValueError, match=f"another one .*\n  {name}: {shown}$"):
        warm_starts.start_from(
            trained, corpus, tmp_path, **_SETTINGS | {name: value}
        )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
