"""Spellings of flag values: those that the code acts on."""

import subprocess
import sys

import pytest
import tensorflow as tf

from mtl_tf.config import choices
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.layers import packed_rnn
from mtl_tf.layers import text_encoder
from mtl_tf.layers.packed_rnn import precision as precision_lib
from mtl_tf.training import losses
from mtl_tf.training import optimizers


def test_optimizers_are_the_rules():
    assert tuple(optimizers.RULES) == choices.OPTIMIZERS


def test_outputs_are_those_of_evaluation():
    assert predictions_lib.MAIN == choices.MAIN == "main"
    assert predictions_lib.LABEL_TRANSFER == choices.LABEL_TRANSFER


@pytest.mark.parametrize("pooling", choices.POOLINGS)
@pytest.mark.parametrize("encoder", choices.ENCODERS)
def test_encoder_supports_all_allowed_poolings(encoder, pooling):
    has_last_state = encoder in ("lstm", "bilstm", "stacked_lstm") or (
        encoder == "conditional_bilstm"
    )
    if pooling == "last" and not has_last_state:
        with pytest.raises(ValueError, match="pooling=last takes the last"):
            choices.check_encoder(encoder, pooling)
        return
    choices.check_encoder(encoder, pooling)
    layer = text_encoder.TextEncoder(encoder, pooling, 2, num_tasks=1)
    assert (layer.encoder, layer.pooling) == (encoder, pooling)


def test_choices_of_an_encoder_are_those_of_the_layers():
    assert text_encoder.ENCODERS == choices.ENCODERS
    assert text_encoder.RECURRENT == choices.RECURRENT
    assert text_encoder.POOLINGS == choices.POOLINGS
    assert precision_lib.PRECISIONS == choices.PRECISIONS
    assert packed_rnn.RECURRENCES == choices.RECURRENCES


@pytest.mark.parametrize("precision", choices.PRECISIONS)
def test_precisions_are_float_types(precision):
    assert tf.as_dtype(precision).is_floating


@pytest.mark.parametrize("kind", choices.ORTHOGONALITY_LOSSES)
def test_an_orthogonality_loss_has_a_value(kind):
    features = tf.ones([1, 2, 3])
    assert losses.orthogonality_loss(features, features, kind).shape == (1,)


@pytest.mark.parametrize(
    "module",
    [
        "mtl_tf.config.choices",
        "mtl_tf.config.command",
        "mtl_tf.config.config",
        "mtl_tf.main",
        "mtl_tf.cli.preflight",
        "mtl_tf.runs.run_directory",
        "data_prep.corpora.names",
        "data_prep.main",
        "data_prep.pipeline.task_file",
    ],
)
def test_settings_are_checked_without_heavy_packages(module):
    code = f"""
import sys
import {module}
heavy = {{"tensorflow", "keras", "sklearn", "scipy", "matplotlib"}}
sys.exit(", ".join(heavy & set(sys.modules)) or 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
