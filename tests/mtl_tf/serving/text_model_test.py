import functools

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.config import config as config_lib
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
_HOSTILE = [
    b"",
    b" \t\xc2\xa0\n",
    b"good1 \x00 bad1",
    b"\xff\xfe good1 \xc3",
    b"\xed\xa0\xbd",
    "é 好 \U0001f600 \u200b".encode(),
    b"good1 " * 170_000,
    b"x" * 1_000_000,
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    data_dir = generated.write_corpus(
        str(folder / "corpus"),
        rows={"train": 24, "dev": 8, "test": 40},
        pairs=("books",),
    )
    return tasks_lib.Corpus.read(data_dir)


def make(corpus, temperatures=None, **settings):
    """A text model with weights as they start, and what it is made of."""
    config = config_lib.Config(
        **{
            "hidden_size": 5,
            "embedding_dim": 4,
            "max_tokens": _MAX_TOKENS,
            "encoder": "bag_of_words",
            "pooling": "mean",
            # Far enough from zero for answers to differ.
            "init_range": 1.0,
        }
        | settings
    )
    vocabulary = vocabulary_lib.Vocabulary.read(
        f"{corpus.data_dir}/{vocabulary_lib.VOCABULARY_FILE}"
    )
    model = multitask_model.build(
        config,
        tuple(len(task.labels) for task in corpus.tasks),
        len(vocabulary),
    )
    text_model = text_model_lib.TextModel(
        config, corpus.tasks, vocabulary, model, temperatures or {}
    )
    return config, model, text_model


@pytest.fixture(scope="module")
def small(corpus):
    """A text model that is quick."""
    return make(corpus)[2]


def read_texts(corpus, task, split="test"):
    rows = list(records.read_rows(corpus.data_dir, task, split))
    return [row.seq1 for row in rows], [row.seq2 for row in rows]


@pytest.mark.parametrize(
    "settings",
    [
        {"encoder": "lstm", "pooling": "last"},
        {"encoder": "bilstm", "pooling": "max"},
        {"encoder": "stacked_lstm", "pooling": "attention"},
        {"encoder": "cnn", "pooling": "max"},
        {"encoder": "bag_of_words", "pooling": "mean"},
        {"sharing": "fully_shared"},
        # So that seq1 is cut as well.
        {"sharing": "single_task", "max_tokens": 3},
        {"sequences": "seq2"},
        {
            "encoder": "conditional_bilstm",
            "pooling": "last",
            "output_layer": "label_embedding",
            "skip_connection": True,
            "task_layer_size": 5,
        },
        {
            "encoder": "conditional_bilstm",
            "pooling": "max",
            "sharing": "single_task",
            "max_tokens": 3,
        },
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_predictions_match_evaluation(corpus, settings):
    config, model, text_model = make(corpus, **settings)
    predictor = predictor_lib.Predictor(model, corpus.tasks)
    for index, task in enumerate(corpus.tasks):
        # Token ids as data_prep wrote them, padded by NumPy.
        split = input_pipeline.read_split(
            corpus, corpus.tasks, index, "test", config
        )
        assert split.truncated.sum() > 0
        assert split.reads_seq1.any() == (
            config.encodes_pairs or (task.pair and config.sequences == "both")
        )
        expected = predictor.predict(split)
        seq1, seq2 = read_texts(corpus, task.name)
        actual = text_model.classify(index, seq1, seq2).numpy()
        labels = len(task.labels)
        np.testing.assert_allclose(
            actual[:, :labels], expected.probabilities, atol=1e-6
        )
        assert np.ptp(actual[:, 0]) > 1e-3
        # Labels that only other tasks have.
        assert actual.shape[1] == 3
        assert not actual[:, labels:].any()
        # The other encoders are in the answers; to make a graph takes time.
        if text_model.features_dim and config.encoder in (
            "bilstm",
            "bag_of_words",
            "conditional_bilstm",
        ):
            np.testing.assert_allclose(
                text_model.encode(seq1, seq2).numpy(),
                expected.features["shared"],
                atol=1e-6,
            )


@pytest.mark.parametrize(
    ("encoder", "pooling"),
    [
        ("conditional_bilstm", "attention"),
        ("bilstm", "max"),
        ("cnn", "max"),
        ("bag_of_words", "mean"),
    ],
)
def test_graph_has_no_ops_that_tensorflow_warns_of(corpus, encoder, pooling):
    _, _, text_model = make(corpus, encoder=encoder, pooling=pooling)
    graph = text_model.classify.get_concrete_function().graph.as_graph_def()
    functions = graph.library.function
    nodes = [*graph.node, *(n for f in functions for n in f.node_def)]
    # The loader of an export cannot find the gradients of loops.
    assert not [x.name for x in nodes if "_gradient_op_type" in x.attr]
    # oneDNN logs an error for a transpose of anything but floats.
    transposes = [x for x in nodes if x.op == "Transpose"]
    assert {x.attr["T"].type for x in transposes} <= {
        tf.float32.as_datatype_enum
    }


def test_model_without_shared_encoder_is_an_error(corpus):
    _, _, text_model = make(corpus, sharing="single_task")
    assert text_model.features_dim is None
    with pytest.raises(ValueError, match="single-task model has no shared"):
        text_model.encode([""], ["good1"])


def test_features_dim(corpus, small):
    _, _, wide = make(corpus, encoder="bilstm", pooling="max")
    assert (small.features_dim, wide.features_dim) == (5, 2 * 5)
    assert small.encode([""] * 3, ["good1"] * 3).shape == (3, 5)


@functools.cache
def _texts_of_all_lengths():
    random = np.random.default_rng(0)
    return [
        " ".join(f"good{n}" for n in random.integers(12, size=size))
        for size in random.permutation(np.repeat(np.arange(10), 4))
    ]


@pytest.mark.parametrize("tokens", [1, 30, 32_768])
def test_batches_change_neither_predictions_nor_order(
    corpus, small, monkeypatch, tokens
):
    texts = _texts_of_all_lengths()
    none = [""] * len(texts)
    alone = np.concatenate([small.classify(1, [""], [x]) for x in texts])
    assert len(np.unique(alone[:, 0])) > 20
    # Read when the graph is made.
    monkeypatch.setattr(input_pipeline, "EVALUATION_TOKENS", tokens)
    monkeypatch.setattr(input_pipeline, "EVALUATION_BATCH_SIZE", 3)
    monkeypatch.setattr(text_model_lib, "_TEXTS_AT_ONCE", 17)
    _, _, other = make(corpus)
    np.testing.assert_allclose(other.classify(1, none, texts), alone, atol=1e-6)


def test_texts_and_tokens_in_memory_are_limited(corpus, monkeypatch):
    monkeypatch.setattr(input_pipeline, "EVALUATION_TOKENS", 40)
    monkeypatch.setattr(text_model_lib, "_TEXTS_AT_ONCE", 17)
    _, _, text_model = make(corpus)
    read, shapes = [], []
    encode, shared = text_model._tokenize, text_model._submodels["shared"]

    def spy_on_texts(seq1, seq2):
        tf.py_function(lambda x: read.append(len(x)), [seq2], [])
        return encode(seq1, seq2)

    def spy_on_batches(inputs, training):
        tf.py_function(
            lambda x: shapes.append(x.shape.as_list()),
            [inputs["token_ids"]],
            [],
        )
        return shared(inputs, training=training)

    monkeypatch.setattr(text_model, "_tokenize", spy_on_texts)
    monkeypatch.setitem(text_model._submodels, "shared", spy_on_batches)
    spy_on_batches.input, spy_on_batches.output = shared.input, shared.output
    texts = _texts_of_all_lengths()
    text_model.encode([""] * len(texts), texts)
    assert read == [17, 17, 6]
    assert sum(groups * batch for groups, batch, _ in shapes) == 40
    assert max(np.prod(shapes, axis=1)) <= 40
    assert len(shapes) > 6


def test_batches_match_evaluation(monkeypatch):
    random = np.random.default_rng(1)
    for tokens, group in ((32_768, 32), (100, 4), (1, 4)):
        monkeypatch.setattr(input_pipeline, "EVALUATION_TOKENS", tokens)
        monkeypatch.setattr(input_pipeline, "EVALUATION_BATCH_SIZE", group)
        lengths = random.integers(1, 60, size=200).astype(np.int32)
        expected = [
            batch["lengths"].shape
            for _, batch in input_pipeline.evaluation_batches(split_of(lengths))
        ]
        actual, start = [], 0
        rising = np.sort(lengths)
        while start < len(lengths):
            count, groups = text_model_lib._next_batch(
                tf.constant(rising[start:]), tokens
            )
            actual.append((int(groups), int(count) // int(groups)))
            start += int(count)
        assert actual == expected


def test_very_long_texts_are_batched_alone():
    # 2 * 1.5e9 is a negative number in int32.
    lengths = tf.constant([1_500_000_000] * 3)
    count, groups = text_model_lib._next_batch(lengths, 32_768)
    assert (int(count), int(groups)) == (1, 1)


def split_of(lengths):
    """A split of texts of these lengths, all of one word."""
    offsets = np.zeros(2 * len(lengths) + 1, np.int64)
    offsets[1:] = np.repeat(np.cumsum(lengths), 2)
    offsets[1::2] -= lengths
    nothing = np.zeros(len(lengths), np.int32)
    return input_pipeline.Split(
        task_id=0,
        ids=nothing,
        groups=nothing,
        labels=nothing,
        duplicate=nothing,
        diversity=np.zeros([len(lengths), 5], np.float32),
        lengths=lengths,
        token_ids=records.TokenIds(np.full(offsets[-1], 4, np.int32), offsets),
        rows=np.arange(len(lengths)),
        max_tokens=1000,
        reads_seq1=np.zeros(len(lengths), bool),
    )


def test_any_bytes_are_classified(small):
    actual = small.classify(1, [b""] * len(_HOSTILE), _HOSTILE).numpy()
    np.testing.assert_allclose(actual.sum(axis=1), 1, rtol=1e-6)
    # Blank is empty; what lies beyond max_tokens is not read.
    np.testing.assert_allclose(actual[1], actual[0], atol=1e-6)
    short = small.classify(1, [""], ["good1 " * _MAX_TOKENS])
    np.testing.assert_allclose(actual[6], short[0], atol=1e-6)
    # A NUL does not end a text.
    without = small.classify(1, [""], ["good1 bad1"])
    np.testing.assert_allclose(actual[2], without[0], atol=1e-6)
    # As seq1, too.
    actual = small.classify(0, _HOSTILE, [b"good1"] * len(_HOSTILE)).numpy()
    np.testing.assert_allclose(actual.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(actual[1], actual[0], atol=1e-6)
    assert abs(actual[2] - actual[0]).max() > 1e-3


def test_no_texts_give_no_predictions(small):
    assert small.classify(1, tf.constant([], tf.string), []).shape == (0, 3)
    assert small.encode([], []).shape == (0, 5)


def test_seq1_and_seq2_must_match_in_number(small):
    for seq1, seq2 in (
        (["good1"], ["good1", "good2"]),
        ([], ["good1"]),
        (["good1", "good2"], ["good1"]),
        (["good1"], []),
    ):
        seq1, seq2 = tf.constant(seq1, tf.string), tf.constant(seq2, tf.string)
        with pytest.raises(
            tf.errors.InvalidArgumentError, match="differ in number"
        ):
            small.classify(0, seq1, seq2)


def test_temperatures_belong_to_their_tasks(corpus, small):
    _, _, scaled = make(
        corpus,
        {
            ("films", "main"): 2.0,
            ("games", "main"): 0.5,
            # Of another output.
            ("books", "label_transfer"): 9.0,
        },
    )
    seq1, seq2 = read_texts(corpus, "films")
    for index, temperature in enumerate((1.0, 2.0, 0.5)):
        plain = small.classify(index, seq1, seq2).numpy().astype(np.float64)
        # softmax(log p / T) = p ** (1 / T), normalized.
        expected = plain ** (1 / temperature)
        expected /= expected.sum(axis=1, keepdims=True)
        actual = scaled.classify(index, seq1, seq2)
        np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_weights_exclude_seeds(corpus):
    _, model, text_model = make(corpus, feature_dropout=0.5)
    assert len(model.variables) > len(text_model.weights)
    expected = {weight.path: weight.shape for weight in model.weights}
    assert [w.shape for w in text_model.weights] == list(expected.values())
    assert not any("seed" in path for path in expected)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
