import pytest

from mtl_tf import config as config_lib
from mtl_tf import tasks as tasks_lib
from mtl_tf.report import published

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
    assert set(found.accuracy) == set(FDU_TASKS)
    assert 100 * (1 - found.average) == pytest.approx(error, abs=0.051)


def test_the_paper_s_encoder_is_named_whatever_the_run_has():
    found = find(encoder="cnn", pooling="max")
    assert found.model == "SP-MTL"
    assert found.encoder == "the last state of an LSTM"
    found = find(sharing="single_task", encoder="lstm")
    assert found.model == "BiLSTM"
    assert found.encoder == "the last state of a bidirectional LSTM"


def test_a_run_of_some_tasks_stands_beside_these():
    found = find(["books", "music"])
    assert found.accuracy == pytest.approx({"books": 0.812, "music": 0.83})
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


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
