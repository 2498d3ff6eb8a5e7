"""The label transfer network from strings, with weights as they start."""

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.data import diversity_features
from mtl_tf.data import input_pipeline
from mtl_tf.data import records
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.evaluation import predictor as predictor_lib
from mtl_tf.models import multitask_model
from mtl_tf.serving import text_model as text_model_lib
from tests.helpers import generated

# A text of the generated corpus has 8 to 18 words.
_MAX_TOKENS = 10
# Of 3 labels, and of single texts, or of 2 labels, and of pairs.
_FILMS, _BOOKS = "films", "books"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    data_dir = generated.write_corpus(
        str(folder / "corpus"),
        rows={"train": 24, "dev": 8, "test": 40},
        pairs=(_BOOKS,),
    )
    return tasks_lib.Corpus.read(data_dir)


def make(corpus, temperatures=None, **settings):
    """A text model, the model that it is of, its settings and main task."""
    config = config_lib.Config(
        **{
            "hidden_size": 3,
            "embedding_dim": 4,
            "max_tokens": _MAX_TOKENS,
            "encoder": "bag_of_words",
            "pooling": "mean",
            # Far enough from zero for answers to differ.
            "init_range": 1.0,
            "main_task": _FILMS,
            "label_transfer": "supervised",
            "transfer_hidden_size": 4,
        }
        | settings
    )
    vocabulary = vocabulary_lib.Vocabulary.read(
        f"{corpus.data_dir}/{vocabulary_lib.VOCABULARY_FILE}"
    )
    names = [task.name for task in corpus.tasks]
    index = names.index(config.main_task)
    model = multitask_model.build(
        config,
        tuple(len(task.labels) for task in corpus.tasks),
        len(vocabulary),
        index,
    )
    diversity = None
    if config.transfer_diversity:
        diversity = diversity_features.DiversityFeatures.read(
            corpus, config.main_task
        )
    text_model = text_model_lib.TextModel(
        config, corpus.tasks, vocabulary, model, temperatures or {}, diversity
    )
    return text_model, model, config, index


@pytest.fixture(scope="module")
def small(corpus):
    return make(corpus, sharing="fully_shared")[0]


def read_texts(corpus, task):
    rows = list(records.read_rows(corpus.data_dir, task, "test"))
    return [row.seq1 for row in rows], [row.seq2 for row in rows]


@pytest.mark.parametrize(
    "settings",
    [
        {"sharing": "fully_shared"},
        # A private reader for each task, of a text that is cut.
        {"encoder": "cnn", "pooling": "max"},
        {
            "main_task": _BOOKS,
            "sharing": "fully_shared",
            "transfer_trained_on": "auxiliary",
            "transfer_main_predictions": True,
        },
        {
            "main_task": _BOOKS,
            "encoder": "conditional_bilstm",
            "pooling": "last",
            "sharing": "fully_shared",
            "output_layer": "label_embedding",
            "skip_connection": True,
            "task_layer_size": 3,
        },
        {"main_task": _BOOKS, "sequences": "seq2", "transfer_diversity": False},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_predictions_match_evaluation(corpus, settings):
    text_model, model, config, index = make(corpus, **settings)
    task = corpus.tasks[index]
    # Token ids and diversity features as data_prep wrote them.
    split = input_pipeline.read_split(
        corpus, corpus.tasks, index, "test", config
    )
    assert split.truncated.sum() > 0
    expected = predictor_lib.Predictor(model, corpus.tasks, index).predict_all(
        split
    )
    seq1, seq2 = read_texts(corpus, task.name)
    labels = len(task.labels)
    actual = {
        "main": text_model.classify(index, seq1, seq2).numpy(),
        "label_transfer": text_model.classify_by_transfer(seq1, seq2).numpy(),
    }
    for output, probabilities in actual.items():
        np.testing.assert_allclose(
            probabilities[:, :labels],
            expected[output].probabilities,
            atol=1e-5,
        )
        assert not probabilities[:, labels:].any()
        assert np.ptp(probabilities[:, 0]) > 1e-3
    difference = actual["main"][:, 0] - actual["label_transfer"][:, 0]
    assert abs(difference).max() > 1e-2


def test_main_output_does_not_compute_label_transfer(small):
    def layers(output):
        return {layer.name for layer in small._submodels[output].layers}

    transfer = {
        name for name in layers("transfer_logits") if "transfer" in name
    }
    assert transfer == {"label_transfer_network", "transfer_indices"}
    assert not layers("logits") & (transfer | {"auxiliary_predictions"})


def test_diversity_is_that_of_the_whole_text(corpus, small):
    # The same first ten tokens; what follows is of one word, or of many.
    start = "good1 bad2 filler3 films4 " * 3
    texts = [start, start + "good1 " * 40]
    texts.append(start + " ".join(f"filler{n}" for n in range(12)))
    none = [""] * 3
    main = small.classify(1, none, texts).numpy()
    np.testing.assert_allclose(main[1:], main[:2], atol=1e-6)
    transfer = small.classify_by_transfer(none, texts).numpy()
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert abs(transfer[one] - transfer[other]).max() > 1e-3
    without = make(corpus, sharing="fully_shared", transfer_diversity=False)[0]
    transfer = without.classify_by_transfer(none, texts).numpy()
    np.testing.assert_allclose(transfer[1:], transfer[:2], atol=1e-6)


def test_diversity_uses_the_strings_of_unknown_words(small):
    # The same ids: four unknown words, of one string or of four.
    texts = ["good1 new new new new", "good1 new newer newest old"]
    main = small.classify(1, [""] * 2, texts).numpy()
    np.testing.assert_array_equal(main[0], main[1])
    transfer = small.classify_by_transfer([""] * 2, texts).numpy()
    assert abs(transfer[0] - transfer[1]).max() > 1e-3


@pytest.mark.parametrize("tokens", [1, 30, 32_768])
def test_batches_change_neither_predictions_nor_order(
    corpus, small, monkeypatch, tokens
):
    random = np.random.default_rng(0)
    texts = [
        " ".join(f"good{n}" for n in random.integers(12, size=size))
        for size in random.permutation(np.repeat(np.arange(10), 4))
    ]
    alone = np.concatenate(
        [small.classify_by_transfer([""], [text]) for text in texts]
    )
    assert len(np.unique(alone[:, 0])) > 20
    # Read when the graph is made.
    monkeypatch.setattr(input_pipeline, "EVALUATION_TOKENS", tokens)
    monkeypatch.setattr(input_pipeline, "EVALUATION_BATCH_SIZE", 3)
    monkeypatch.setattr(text_model_lib, "_TEXTS_AT_ONCE", 17)
    other = make(corpus, sharing="fully_shared")[0]
    np.testing.assert_allclose(
        other.classify_by_transfer([""] * len(texts), texts), alone, atol=1e-6
    )


@pytest.mark.parametrize(
    ("sharing", "most"), [("fully_shared", 60), ("shared_private", 20)]
)
def test_private_encoders_reduce_tokens_per_batch(
    corpus, monkeypatch, sharing, most
):
    monkeypatch.setattr(input_pipeline, "EVALUATION_TOKENS", 60)
    text_model = make(corpus, sharing=sharing)[0]
    part, sizes = text_model._submodels["transfer_logits"], []

    def spy(inputs, training):
        tf.py_function(
            lambda x: sizes.append(np.prod(x.shape)), [inputs["token_ids"]], []
        )
        return part(inputs, training=training)

    spy.input, spy.output = part.input, part.output
    monkeypatch.setitem(text_model._submodels, "transfer_logits", spy)
    text_model.classify_by_transfer([""] * 45, ["good1 bad1 so1 good2"] * 45)
    # Three tasks: of each text, two others read, and one more is room.
    assert sum(sizes) == 45 * 4
    assert max(sizes) == most


def test_any_texts_are_classified(small):
    texts = [b"", b" \t\xc2\xa0\n", b"\xff good1 \x00", b"good1 " * 170_000]
    actual = small.classify_by_transfer([b""] * 4, texts).numpy()
    np.testing.assert_allclose(actual.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(actual[1], actual[0], atol=1e-6)
    alone = small.classify_by_transfer([b""], texts[:1]).numpy()
    np.testing.assert_allclose(alone, actual[:1], atol=1e-6)
    none = small.classify_by_transfer(tf.constant([], tf.string), [])
    assert none.shape == (0, 3)


def test_label_transfer_has_a_separate_temperature(corpus, small):
    temperatures = {(_FILMS, "label_transfer"): 2.0, (_FILMS, "main"): 0.5}
    scaled = make(corpus, temperatures, sharing="fully_shared")[0]
    seq1, seq2 = read_texts(corpus, _FILMS)
    for ask, temperature in (
        (lambda model: model.classify_by_transfer(seq1, seq2), 2.0),
        (lambda model: model.classify(1, seq1, seq2), 0.5),
    ):
        plain = ask(small).numpy().astype(np.float64)
        # softmax(log p / T) = p ** (1 / T), normalized.
        expected = plain ** (1 / temperature)
        expected /= expected.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(ask(scaled), expected, atol=1e-5)


def test_model_without_label_transfer_is_an_error(corpus):
    plain = {
        "label_transfer": "none",
        "transfer_hidden_size": 100,
        "main_task": _FILMS,
    }
    text_model = make(corpus, **plain)[0]
    with pytest.raises(ValueError, match="no label transfer network"):
        text_model.classify_by_transfer([""], ["good1"])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
