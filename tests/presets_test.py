"""The flagfiles of `configs` for the tables of Augenstein et al. (2018).

Each of their rows goes with each main task and its auxiliary tasks.
"""

import json
import pathlib

import pytest

from data_prep.corpora import pairwise
from data_prep.corpora import synthetic
from data_prep.pipeline import prepare
from mtl_tf.cli import modes
from mtl_tf.config import choices
from mtl_tf.config import config as config_lib
from tests.helpers import command_line

ROOT = pathlib.Path(__file__).resolve().parent.parent
# By row: what is to be so, and is not in the row that it builds on.
ROWS = {
    "stl": {"sharing": "single_task", "output_layer": "softmax"},
    "mtl": {"sharing": "fully_shared", "output_layer": "softmax"},
    "mtl_lel": {"output_layer": "label_embedding"},
    "mtl_ltn": {"output_layer": "softmax", "label_transfer": "supervised"},
    "mtl_lel_ltn": {
        "output_layer": "label_embedding",
        "label_transfer": "supervised",
        "transfer_diversity": True,
        "transfer_main_predictions": False,
    },
    "mtl_lel_ltn_main_preds": {
        "output_layer": "label_embedding",
        "transfer_diversity": True,
        "transfer_main_predictions": True,
    },
    "mtl_lel_ltn_no_diversity": {
        "transfer_diversity": False,
        "transfer_main_predictions": True,
    },
    "mtl_lel_ltn_semi": {
        "output_layer": "label_embedding",
        "label_transfer": "semi_supervised",
        "transfer_diversity": True,
    },
    "lel_ltn_code_compat": {
        "output_layer": "label_embedding",
        "chained_task_layers": True,
        "skip_connection": False,
        "transfer_probabilities": True,
        "transfer_gradient": False,
        "transfer_trained_on": "auxiliary",
        "transfer_hidden_size": 0,
        "update": "alternating",
        "stopping": "drop",
    },
}
# Section 4.3.
SIZES = {
    "encoder": "conditional_bilstm",
    "pooling": "last",
    "hidden_size": 100,
    "embedding_dim": 100,
    "word_vectors": (),
    "task_layer_size": 100,
    "optimizer": "rmsprop",
    "learning_rate": 0.001,
    "batch_size": 128,
    "patience": 3,
    "epoch_length": "smallest_task",
}
# Table 4.
AUXILIARY = {
    "topic2": {"fnc1", "multinli", "target"},
    "topic5": {"fnc1", "multinli", "absa_laptops", "target"},
    "target": {"fnc1", "multinli", "topic5"},
    "stance": {"fnc1", "multinli", "target"},
    "absa_laptops": {"topic5"},
    "absa_restaurants": {"topic5", "absa_laptops", "target"},
    "fnc1": {"stance", "multinli", "topic5", "absa_restaurants", "target"},
    "multinli": {"topic5"},
}


def parse(row: str, main_task: str) -> config_lib.Config:
    """What the flagfiles of a row and a main task say."""
    arguments = [
        f"--flagfile={ROOT}/configs/{row}.flags",
        f"--flagfile={ROOT}/configs/auxiliary/{main_task}.flags",
    ]
    if row == "stl":
        arguments.append(f"--tasks={main_task}")
    _, config = command_line.parse(arguments)
    return config


def test_there_is_a_file_for_each_main_task():
    files = (ROOT / "configs" / "auxiliary").iterdir()
    assert {path.stem for path in files} == set(AUXILIARY)
    assert set(AUXILIARY) == set(pairwise.CORPORA)


@pytest.mark.parametrize("main_task", AUXILIARY)
@pytest.mark.parametrize("row", ROWS)
def test_a_row_for_a_main_task(row, main_task):
    config = parse(row, main_task)
    for name, value in (SIZES | ROWS[row]).items():
        assert getattr(config, name) == value, name
    assert config.main_task == config.tasks[0] == main_task
    auxiliary = set() if row == "stl" else AUXILIARY[main_task]
    assert set(config.tasks[1:]) == auxiliary
    # Random vectors and tanh-free scores; no other paper's losses.
    assert not config.tanh_logits
    assert config.adversarial_weight == config.orthogonality_weight == 0


@pytest.mark.parametrize("row", ROWS)
def test_label_vectors_are_as_long_as_what_they_are_multiplied_with(row):
    config = parse(row, "stance")
    is_embedded = config.output_layer == "label_embedding"
    assert config.label_embedding_dim == (
        config.task_layer_size if is_embedded else 0
    )


def test_the_semi_supervised_row_is_trained_by_the_command(
    tmp_path, monkeypatch
):
    corpus, run_dir = tmp_path / "corpus", tmp_path / "run"
    prepare.prepare(synthetic.make_source(rows=80, main_rows=40), str(corpus))
    # Threads can only be set once in a process.
    monkeypatch.setattr(modes.devices, "configure", lambda threads: None)
    status = command_line.call(
        monkeypatch,
        f"--flagfile={ROOT}/configs/mtl_lel_ltn_semi.flags",
        *(f"--data_dir={corpus}", f"--run_dir={run_dir}"),
        *("--main_task=stances", "--unlabeled"),
        *("--noexport", "--noreport"),
        # The row's encoder takes five times as long to trace.
        *("--encoder=bag_of_words", "--pooling=mean"),
        *("--hidden_size=6", "--embedding_dim=6", "--task_layer_size=5"),
        *("--label_embedding_dim=5", "--transfer_hidden_size=4"),
        *("--batch_size=16", "--epochs=2"),
    )
    assert status == 0
    results = json.loads((run_dir / "results.json").read_text("utf-8"))
    assert list(results["phases"]) == list(choices.PHASES)
    scores = results["tasks"]["stances"]
    assert {"main", "label_transfer", "majority"} == set(scores)
    assert scores["label_transfer"]["test"]["n"] == 20
    lines = (run_dir / "history.jsonl").read_text("utf-8").splitlines()
    history = [json.loads(line) for line in lines]
    # 40 rows of the smallest task are 3 batches of 16.
    steps = 3
    assert [line["step"] for line in history] == [
        steps * (number + 1) for number in range(len(history))
    ]
    assert history[-1]["phase"] == "semi_supervised"
    assert history[-1]["terms"]["pseudo_label/accepted"] == 1
    predictions = run_dir / "predictions" / "stances-test-label_transfer.jsonl"
    assert len(predictions.read_text("utf-8").splitlines()) == 20


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
