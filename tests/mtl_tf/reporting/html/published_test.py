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
def test_averages_equal_those_of_the_paper(model, error, settings):
    actual = find(**settings)
    assert actual.model == model
    assert set(actual.scores) == set(FDU_TASKS)
    assert 100 * (1 - actual.average) == pytest.approx(error, abs=0.051)


def test_the_note_names_the_encoders():
    actual = find(encoder="cnn", pooling="max")
    assert actual.model == "SP-MTL"
    assert "SP-MTL uses the last state of an LSTM (this run: cnn" in actual.note
    actual = find(sharing="single_task", encoder="lstm")
    assert actual.model == "BiLSTM"
    assert "the last state of a bidirectional LSTM (this" in actual.note


def test_a_run_on_some_tasks_has_their_scores():
    actual = find(["books", "music"])
    assert actual.scores == pytest.approx({"books": 0.812, "music": 0.83})
    assert actual.average == pytest.approx(0.821)


@pytest.mark.parametrize(
    "settings",
    [
        {"corpus": "vader"},
        {"names": ["books", "bookshops"]},
        # Neither SP-MTL nor ASP-MTL.
        {"adversarial_weight": 0.05},
        {"orthogonality_weight": 0.01},
        {"sharing": "fully_shared", "adversarial_weight": 0.05},
        # Those of a transfer are in another table.
        {"train_shared_encoder": False, "init_from": "run"},
    ],
    ids=str,
)
def test_other_models_have_no_published_scores(settings):
    assert find(**settings) is None


def find_transfer(names=FDU_TASKS, corpus="fdu_mtl", **settings):
    tasks = [tasks_lib.Task(name, ("negative", "positive")) for name in names]
    config = config_lib.Config(**settings)
    return published.find_transfer(config, corpus, tasks)


# The last line of the paper's table. The mean of its column SP-MTL-SC is 15.54.
@pytest.mark.parametrize(
    ("settings", "errors"),
    [
        ({}, {"single-task": 18.0, "SP-MTL-SC": 15.6, "SP-MTL-BC": 15.2}),
        (
            {"adversarial_weight": 0.05, "orthogonality_weight": 0.01},
            {"single-task": 18.0, "ASP-MTL-SC": 14.7, "ASP-MTL-BC": 14.3},
        ),
    ],
)
def test_averages_of_transfer_equal_those_of_the_paper(settings, errors):
    by_model = find_transfer(**settings)
    assert list(by_model) == ["single_task", "single_channel", "bi_channel"]
    assert [x.model for x in by_model.values()] == list(errors)
    for actual in by_model.values():
        assert set(actual.scores) == set(FDU_TASKS)
        error = 100 * (1 - actual.average)
        assert error == pytest.approx(errors[actual.model], abs=0.07)


@pytest.mark.parametrize(
    "settings",
    [
        {"corpus": "vader"},
        {"names": ["books", "bookshops"]},
        {"sharing": "fully_shared"},
    ],
    ids=str,
)
def test_other_transfers_have_no_published_scores(settings):
    assert not find_transfer(**settings)


# The paper's metrics, and its single-task and best scores in percent.
PAIRWISE = {
    "stance": ("favor_against_f1", 41.1, 46.26),
    "fnc1": ("accuracy", 72.72, 72.76),
    "multinli": ("accuracy", 49.25, 49.94),
    "topic2": ("macro_recall_by_topic", 63.92, 80.74),
    # An error, not in percent.
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
def test_pairwise_scores_of_the_single_task_or_best_models(
    column, model, settings
):
    actual = find_pairwise({n: x[0] for n, x in PAIRWISE.items()}, **settings)
    assert actual.model == model
    assert "NAACL 2018" in actual.source
    assert actual.scores == pytest.approx(
        {name: row[column] / 100 for name, row in PAIRWISE.items()}
    )
    # The metrics differ.
    assert actual.average is None


def test_tasks_with_another_metric_or_name_have_no_score():
    tasks = {"stance": "accuracy", "fnc1": "accuracy", "mine": "accuracy"}
    assert set(find_pairwise(tasks).scores) == {"fnc1"}
    assert find_pairwise({"stance": "accuracy"}) is None


def test_a_corpus_of_a_single_pairwise_task():
    tasks = {"target": "macro_f1"}
    assert find_pairwise(tasks, "target").scores == {"target": 0.6642}
    assert find_pairwise(tasks, "custom") is None


def test_every_pairwise_corpus_has_published_scores():
    assert set(pairwise.CORPORA) == set(PAIRWISE)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
