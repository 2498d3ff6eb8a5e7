import dataclasses
import pathlib

import pytest

from benchmarks import corpora
from benchmarks import problems
from mtl_tf.config import config as config_lib
from mtl_tf.models import multitask_model
from tests.helpers import command_line
from tests.helpers import generated

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_flops_of_token_match_a_count_by_hand():
    # One LSTM, e = 50, d = 100: [1, 50] x [50, 400] and [1, 100] x [100, 400],
    # a multiplication and an addition each: 2 * 150 * 400 = 120,000; the
    # gradients of inputs and of weights are as many each; two LSTMs.
    for model in problems.MODELS:
        assert problems.flops_of_token(model, 50, 100) == 2 * 3 * 120_000


@pytest.mark.parametrize(
    ("model", "lstms"), [("asp_mtl", 2), ("conditional_lel", 4)]
)
def test_number_of_lstms_per_token(model, lstms):
    config = problems.make_config(model, embedding_dim=3, hidden_size=4)
    built = multitask_model.build(config, (2, 2), 10)
    kernels = [v for v in built.variables if v.path.endswith("/kernel")]
    recurrent = [
        v for v in built.variables if v.path.endswith("recurrent_kernel")
    ]
    assert len(recurrent) == lstms
    # Of four LSTMs two read seq1, and two read seq2.
    readers = lstms // 2 if config.encodes_pairs else lstms
    assert problems.LSTMS_OF_A_TOKEN[model] == readers
    assert all(v.shape[1:] == (4, 16) for v in recurrent)
    assert kernels


@pytest.mark.parametrize(
    ("model", "preset", "other"),
    [
        (
            "asp_mtl",
            "asp_mtl_paper",
            # Those that peers lack or that hardly change the speed, and the
            # length of the texts.
            {
                *("epochs", "patience", "max_tokens", "learning_rate_decay"),
                *("clip_norm", "forget_bias", "train_word_vectors"),
                *("word_dropout", "vector_dropout", "feature_dropout"),
            },
        ),
        ("conditional_lel", "mtl_lel", {"epochs", "patience", "optimizer"}),
    ],
)
def test_models_are_those_of_the_presets(model, preset, other):
    _, expected = command_line.parse(
        [f"--flagfile={ROOT}/configs/{preset}.flags"]
    )
    actual = problems.make_config(model, embedding_dim=expected.embedding_dim)
    differ = {line.split(":")[0] for line in expected.difference(actual)}
    assert differ <= other | {"learning_rate"}
    assert differ


def test_problem_describes_the_model_to_peers(tmp_path):
    data_dir = generated.write_corpus(str(tmp_path / "corpus"))
    config = problems.make_config("asp_mtl", data_dir=data_dir, embedding_dim=8)
    problem = problems.describe(
        "asp_mtl", config, corpora.Training(config), "float32"
    )
    assert problem["label_counts"] == [2, 3, 2]
    assert problem["model"] == "asp_mtl"
    assert config_lib.Config.from_dict(problem["config"]) == config


def test_the_precision_is_a_setting_of_this_project(tmp_path):
    data_dir = generated.write_corpus(str(tmp_path / "corpus"))
    config = problems.make_config("asp_mtl", data_dir=data_dir, embedding_dim=8)
    problem = problems.describe(
        "asp_mtl", config, corpora.Training(config), "bfloat16"
    )
    read = config_lib.Config.from_dict(problem["config"])
    assert read == dataclasses.replace(config, precision="bfloat16")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
