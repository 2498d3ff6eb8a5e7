"""A run changes from one form of the recurrence to the other, and back."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from mtl_tf.runs import history as history_lib
from mtl_tf.runs import run_directory
from mtl_tf.serving import saved_model
from tests.helpers import exported_run

pytestmark = [pytest.mark.slow, pytest.mark.xla]

_SETTINGS = {
    "encoder": "bilstm",
    "pooling": "last",
    "recurrent_dropout": 0.2,
    # One size of padded texts, for few programs to compile.
    "max_tokens": 4,
    "sequences": "seq2",
    "learning_rate": 0.02,
}
_FORMS = ("packed", "scan")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return exported_run.write_corpus(str(tmp_path_factory.mktemp("corpus")))


@pytest.fixture(scope="module")
def runs(corpus, tmp_path_factory):
    """Runs that have changed their form after the first epoch.

    By their first form: the directory, and what the evaluation says of test.
    """
    folder = tmp_path_factory.mktemp("runs")
    predictions = {}
    for epochs, forms in ((1, _FORMS), (2, _FORMS[::-1])):
        for first, form in zip(_FORMS, forms, strict=True):
            predictions[first] = exported_run.train(
                corpus,
                str(folder / first),
                **_SETTINGS | {"epochs": epochs, "recurrence": form},
            )
    return {x: (str(folder / x), predictions[x]) for x in _FORMS}


@pytest.fixture
def run_dirs(runs):
    return [run_dir for run_dir, _ in runs.values()]


def test_dev_scores_do_not_depend_on_the_form(run_dirs):
    histories = [history_lib.read_history(x) for x in run_dirs]
    for line, other in zip(*histories, strict=True):
        assert line["step"] == other["step"]
        for name, scores in line["dev"]["tasks"].items():
            assert scores == pytest.approx(
                other["dev"]["tasks"][name], abs=1e-4
            )
        assert line["terms"] == pytest.approx(other["terms"], abs=1e-4)
    first, second = histories[0]
    assert (first["epoch"], second["epoch"]) == (1, 2)
    # The second epoch has trained the weights further.
    assert first["dev"]["tasks"] != second["dev"]["tasks"]


def test_checkpoints_of_both_forms_have_the_same_variables(run_dirs):
    shapes = [
        tf.train.load_checkpoint(
            f"{run_dir}/checkpoints/last"
        ).get_variable_to_shape_map()
        for run_dir in run_dirs
    ]
    assert shapes[0] == shapes[1]


def is_compiled(graph_def):
    """Returns whether XLA has to compile a function of a graph."""
    return any(
        function.attr["_XlaMustCompile"].b
        for function in graph_def.library.function
    )


def test_export_of_a_run_with_scan_needs_no_compiler(corpus, runs):
    # The settings of the run are the last ones.
    run_dir, expected = runs["packed"]
    assert run_directory.Run.read(run_dir).config.recurrence == "scan"
    path = saved_model.write(run_dir)
    with open(f"{path}/saved_model.pb", "rb") as file:
        saved = saved_model_pb2.SavedModel.FromString(file.read())
    assert not is_compiled(saved.meta_graphs[0].graph_def)
    compiled = tf.function(
        tf.function(tf.sin, jit_compile=True)
    ).get_concrete_function(1.0)
    assert is_compiled(compiled.graph.as_graph_def())
    served = tf.saved_model.load(path)
    for task, predictions in expected.items():
        *_, texts = exported_run.read_texts(corpus, task).values()
        outputs = exported_run.call(
            served.signatures[f"serve_{task}"], text=texts
        )
        np.testing.assert_allclose(
            outputs["probabilities"], predictions.probabilities, atol=1e-5
        )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
