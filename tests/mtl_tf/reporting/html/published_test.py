import pytest

from data_prep.corpora import pairwise
from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.reporting.html import published

FDU_TASKS = (
    *("MR", "apparel", "baby", "books", "camera_photo", "dvd", "electronics"),
    *("health_personal_care", "imdb", "kitchen_housewares", "magazines"),
    *("music", "software", "sports_outdoors", "toys_games", "video"),
)


def find(names=FDU_TASKS, corpus="fdu_mtl", **settings):
    tasks = [tasks_lib.Task(name, ("negative", "positive")) for name in names]
    return published.find(config_lib.Config(**settings), corpus, tasks)


# The averages that the paper prints below its table.
@pytest.mark.parametrize(
    ("model", "error", "settings"),
    [
        ("BiLSTM", 17.4, {"sharing": "single_task", "encoder": "bilstm"}),
        ("FS-MTL", 15.3, {"sharing": "fully_shared"}),
        ("SP-MTL", 14.9, {"sharing": "shared_private"}),
        (
            "ASP-MTL",
            13.9,
            {"adversarial_weight": 0.05, "orthogonality_weight": 0.01},
        ),
    ],
)
def test_averages_are_the_paper_s(model, error, settings):
    found = find(**settings)
    assert found.model == model
    assert set(found.scores) == set(FDU_TASKS)
    assert 100 * (1 - found.average) == pytest.approx(error, abs=0.051)


def test_the_paper_s_encoder_is_named_whatever_the_run_has():
    found = find(encoder="cnn", pooling="max")
    assert found.model == "SP-MTL"
    assert "SP-MTL has the last state of an LSTM (this run: cnn" in found.note
    found = find(sharing="single_task", encoder="lstm")
    assert found.model == "BiLSTM"
    assert "the last state of a bidirectional LSTM (this" in found.note


def test_a_run_of_some_tasks_stands_beside_these():
    found = find(["books", "music"])
    assert found.scores == pytest.approx({"books": 0.812, "music": 0.83})
    assert found.average == pytest.approx(0.821)


@pytest.mark.parametrize(
    "settings",
    [
        {"corpus": "vader"},
        {"names": ["books", "bookshops"]},
        # What is neither SP-MTL nor ASP-MTL.
        {"adversarial_weight": 0.05},
        {"orthogonality_weight": 0.01},
        {"sharing": "fully_shared", "adversarial_weight": 0.05},
    ],
    ids=str,
)
def test_other_models_have_no_published_scores(settings):
    assert find(**settings) is None


# The paper's metrics, and its single-task and best scores in percent.
PAIRWISE = {
    "stance": ("favor_against_f1", 41.1, 46.26),
    "fnc1": ("accuracy", 72.72, 72.76),
    "multinli": ("accuracy", 49.25, 49.94),
    "topic2": ("macro_recall_by_topic", 63.92, 80.74),
    # An error, which is no share.
    "topic5": ("macro_mae_by_topic", 91.9, 80.3),
    "absa_laptops": ("accuracy", 76.74, 75.66),
    "absa_restaurants": ("accuracy", 67.47, 83.71),
    "target": ("macro_f1", 64.01, 66.42),
}


def find_pairwise(tasks, corpus="pairwise", **settings):
    tasks = [
        tasks_lib.Task(name, ("favor", "against"), metric)
        for name, metric in tasks.items()
    ]
    return published.find(config_lib.Config(**settings), corpus, tasks)


@pytest.mark.parametrize(
    ("column", "model", "settings"),
    [
        (1, "STL", {"sharing": "single_task"}),
        (2, "best of the paper's models", {"sharing": "fully_shared"}),
        (2, "best of the paper's models", {"adversarial_weight": 0.1}),
    ],
)
def test_pairs_stand_beside_single_tasks_or_the_best(column, model, settings):
    found = find_pairwise({n: x[0] for n, x in PAIRWISE.items()}, **settings)
    assert found.model == model
    assert "NAACL 2018" in found.source
    assert found.scores == pytest.approx(
        {name: line[column] / 100 for name, line in PAIRWISE.items()}
    )
    # Of scores by several metrics.
    assert found.average is None


def test_a_task_by_another_metric_or_of_another_name_has_no_score():
    tasks = {"stance": "accuracy", "fnc1": "accuracy", "mine": "accuracy"}
    assert set(find_pairwise(tasks).scores) == {"fnc1"}
    assert find_pairwise({"stance": "accuracy"}) is None


def test_a_pair_corpus_by_itself_and_another_with_its_name():
    tasks = {"target": "macro_f1"}
    assert find_pairwise(tasks, "target").scores == {"target": 0.6642}
    assert find_pairwise(tasks, "custom") is None


def test_every_pair_corpus_is_published():
    assert set(pairwise.CORPORA) == set(PAIRWISE)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
