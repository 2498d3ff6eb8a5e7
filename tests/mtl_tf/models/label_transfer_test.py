"""The label transfer network against the equations, in NumPy."""

import functools

import numpy as np
import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.models import multitask_model

NUM_CLASSES = (2, 4, 3)
FIRST = np.cumsum([0, *NUM_CLASSES])
MAIN = 1
WORDS = 12
TASKS = (2, 1, 0, 1)
TRANSFER_INDICES = (3, 0, 1)
# All layers that a model can have between its texts and the logits.
EVERYTHING = {
    "encoder": "conditional_bilstm",
    "pooling": "last",
    "skip_connection": True,
    "task_layer_size": 4,
    "output_layer": "label_embedding",
    "label_embedding_dim": 3,
    "label_bias": True,
}
LEL = {"output_layer": "label_embedding"}
AUXILIARY = {"transfer_trained_on": "auxiliary"}


def make_config(**settings):
    """Makes a config; its large weights make predictions differ clearly."""
    defaults = {
        "encoder": "bag_of_words",
        "pooling": "mean",
        "hidden_size": 3,
        "embedding_dim": 4,
        "seed": 1,
        "init_range": 0.9,
        "label_transfer": "supervised",
        "main_task": "b",
        "transfer_hidden_size": 5,
        "feature_dropout": 0.5,
    }
    return config_lib.Config(**defaults | settings)


@functools.lru_cache
def _build(settings):
    config = make_config(**dict(settings))
    model = multitask_model.build(config, NUM_CLASSES, WORDS, MAIN)
    random = np.random.default_rng(3)
    for weight in model.trainable_weights:
        # Not the initial values: some biases start at 0.
        weight.assign(random.uniform(-0.9, 0.9, weight.shape))
    return config, model


def build(**settings):
    """Returns a config and its model, the same for the same settings."""
    return _build(tuple(sorted(settings.items())))


def make_batch(seed=0, seq_len=5, tasks=TASKS):
    """Makes pairs of texts of tasks c, b, a and b."""
    random = np.random.default_rng(seed)
    shape = (len(tasks), 3)

    def texts(seq_len):
        tokens = random.integers(0, WORDS, (*shape, seq_len)).astype(np.int32)
        return tokens, random.integers(1, seq_len + 1, shape).astype(np.int32)

    tokens, lengths = texts(seq_len)
    seq1, seq1_lengths = texts(4)
    return {
        "token_ids": tokens,
        "lengths": lengths,
        "seq1": seq1,
        "seq1_lengths": seq1_lengths,
        "task_ids": np.array(tasks, np.int32),
        "transfer_indices": np.array(TRANSFER_INDICES, np.int32),
        "diversity": random.normal(size=(*shape, 5)).astype(np.float32),
    }


_submodel = functools.lru_cache(multitask_model.submodel)


def call(model, batch, outputs=None, **kwargs):
    submodel = _submodel(model, tuple(outputs or model.output))
    actual = submodel({name: batch[name] for name in submodel.input}, **kwargs)
    return {name: output.numpy() for name, output in actual.items()}


def softmax(logits):
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


class Equations:
    """Logits by the equations, from a model's weights and text features."""

    def __init__(self, config, model, batch):
        self._config = config
        self._model = model
        self._batch = batch
        self._weights = {w.path: w.numpy() for w in model.weights}

    def _mean_vectors(self, tokens, lengths):
        table = self._weights["word_embedding/table"]
        width = table.shape[1]
        means = np.zeros([*lengths.shape, width], np.float32)
        for index, length in np.ndenumerate(lengths):
            means[index] = table[tokens[index][:length]].mean(axis=0)
        return means

    def _hidden(self, task):
        """Computes the input of a task's output layer for each text."""
        config, batch, weights = self._config, self._batch, self._weights
        read = {**batch, "task_ids": np.full_like(batch["task_ids"], task)}
        names = [x for x in ("shared", "private") if x in self._model.output]
        features = call(self._model, read, names)
        inputs = [features["shared"]] if "shared" in features else []
        if config.skip_connection:
            inputs.append(
                self._mean_vectors(batch["token_ids"], batch["lengths"])
            )
            if config.encodes_pairs:
                inputs.append(
                    self._mean_vectors(batch["seq1"], batch["seq1_lengths"])
                )
        inputs += [features["private"]] if "private" in features else []
        hidden = np.concatenate(inputs, axis=-1)
        if config.chained_task_layers:
            for below in range(task + 1):
                hidden = np.tanh(
                    hidden @ weights[f"head/task_layer/kernel_{below}"]
                    + weights["head/task_layer/bias"][below]
                )
        elif config.task_layer_size:
            hidden = np.tanh(
                hidden @ weights["head/task_layer/kernel"][task]
                + weights["head/task_layer/bias"][task]
            )
        return hidden

    def logits(self, task):
        """Computes the logits of a task for each text of the batch."""
        config, weights = self._config, self._weights
        rows = slice(FIRST[task], FIRST[task + 1])
        hidden = self._hidden(task)
        if config.output_layer == "softmax":
            logits = (
                hidden @ weights["head/softmax_head/kernel"][rows].T
                + weights["head/softmax_head/bias"][rows]
            )
            return np.tanh(logits) if config.tanh_logits else logits
        vectors = weights["head/label_embedding/table"][rows]
        logits = hidden[..., : vectors.shape[1]] @ vectors.T
        if config.label_bias:
            logits = logits + weights["head/label_embedding/bias"][rows]
        return logits

    def prediction(self, task):
        """Computes o = sum_j p_j l_j (Eq. 5), or the probabilities."""
        config = self._config
        p = softmax(self.logits(task))
        if config.output_layer == "softmax" or config.transfer_probabilities:
            return p
        table = self._weights["head/label_embedding/table"]
        return sum(
            p[..., [j]] * table[FIRST[task] + j]
            for j in range(NUM_CLASSES[task])
        )

    def transfer_logits(self):
        """Computes Eq. 6 for each task batch: a list of [batch, labels]."""
        config, weights = self._config, self._weights
        on_main = config.transfer_trained_on == "main"
        predictions = {
            task: self.prediction(task) for task in range(len(NUM_CLASSES))
        }
        logits = []
        for task_batch, own in enumerate(self._batch["task_ids"]):
            features = []
            for task, prediction in predictions.items():
                if task == MAIN and not config.transfer_main_predictions:
                    continue
                # The prediction that the labels of these texts train is hidden.
                is_hidden = not on_main and task == own != MAIN
                features.append(
                    prediction[task_batch] * (0 if is_hidden else 1)
                )
            if config.transfer_diversity:
                features.append(self._batch["diversity"][task_batch])
            h = np.concatenate(features, axis=-1)
            if config.transfer_hidden_size:
                kernel = weights["label_transfer_network/hidden/kernel"]
                assert kernel.shape == (
                    1,
                    h.shape[1],
                    config.transfer_hidden_size,
                )
                h = (
                    h @ kernel[0]
                    + weights["label_transfer_network/hidden/bias"][0]
                )
                h = np.maximum(h, 0)
            target = MAIN if on_main else own
            rows = slice(0, None)
            if not on_main:
                rows = slice(FIRST[target], FIRST[target + 1])
            logits.append(
                h @ weights["label_transfer_network/output/kernel"][rows].T
                + weights["label_transfer_network/output/bias"][rows]
            )
        return logits


MODELS = [
    LEL,
    {**LEL, "transfer_main_predictions": True},
    {**LEL, "transfer_diversity": False},
    {**LEL, "transfer_probabilities": True, "sharing": "fully_shared"},
    {"transfer_hidden_size": 0},
    {"sharing": "fully_shared", "encoder": "lstm", "tanh_logits": True},
    {"task_layer_size": 4, "chained_task_layers": True},
    {**EVERYTHING, "sharing": "fully_shared"},
    {**EVERYTHING, "transfer_main_predictions": True},
    {**LEL, "label_embedding_dim": 3, "transfer_probabilities": True},
    {**LEL, **AUXILIARY},
    {**AUXILIARY, "transfer_main_predictions": True},
]
every_model = pytest.mark.parametrize(
    "settings", MODELS, ids=lambda x: "-".join(map(str, x))
)


@every_model
def test_equations_5_and_6(settings):
    config, model = build(**settings)
    batch = make_batch()
    actual = call(model, batch)
    expected = Equations(config, model, batch)
    by_task_batch = expected.transfer_logits()
    for index, task_batch in enumerate(TRANSFER_INDICES):
        logits = actual["transfer_logits"][index]
        labels = by_task_batch[task_batch].shape[-1]
        np.testing.assert_allclose(
            logits[:, :labels], by_task_batch[task_batch], atol=2e-6
        )
        # Labels of other tasks have probability 0.
        assert (logits[:, labels:] < -1e8).all()
        assert np.ptp(logits[:, 0]) > 1e-3
    main = expected.logits(MAIN)[list(TRANSFER_INDICES)]
    np.testing.assert_allclose(actual["main_task_logits"], main, atol=2e-6)
    is_main = batch["task_ids"] == MAIN
    np.testing.assert_allclose(
        actual["logits"][is_main], expected.logits(MAIN)[is_main], atol=2e-6
    )


@every_model
def test_other_transfer_indices_do_not_change_predictions(settings):
    _, model = build(**settings)
    batch = make_batch()
    everything = {**batch, "transfer_indices": np.arange(4, dtype=np.int32)}
    all_four = call(model, everything)
    for transfer_indices in ([2], [1, 3], [3, 2, 1, 0], [0, 0]):
        actual = call(
            model,
            {**batch, "transfer_indices": np.array(transfer_indices, np.int32)},
        )
        for name in ("transfer_logits", "main_task_logits"):
            np.testing.assert_allclose(
                actual[name], all_four[name][transfer_indices], atol=1e-6
            )
        np.testing.assert_array_equal(actual["logits"], all_four["logits"])


@pytest.mark.parametrize(
    "settings", [m for m in MODELS if m.get("sharing") == "fully_shared"]
)
def test_no_transfer_indices(settings):
    _, model = build(**settings)
    batch = {**make_batch(), "transfer_indices": np.zeros(0, np.int32)}
    actual = call(model, batch)
    assert actual["transfer_logits"].shape == (0, 3, NUM_CLASSES[MAIN])
    assert actual["main_task_logits"].shape == (0, 3, max(NUM_CLASSES))


@every_model
def test_padding_and_other_task_batches_do_not_change_predictions(settings):
    _, model = build(**settings)
    batch = make_batch()
    names = ("transfer_logits", "main_task_logits")
    actual = call(model, batch, names)
    # Other padding, more of it, and another task batch.
    other = make_batch(seed=1, seq_len=9, tasks=(0, 0, 1, 2))
    for tokens, lengths in (("token_ids", "lengths"), ("seq1", "seq1_lengths")):
        padded = other[tokens]
        seq_len = batch[tokens].shape[-1]
        mask = np.arange(seq_len) < batch[lengths][..., np.newaxis]
        padded[..., :seq_len] = np.where(
            mask, batch[tokens], padded[..., :seq_len]
        )
    # The task batch without a transfer index is replaced.
    changed = {**batch, "token_ids": other["token_ids"], "seq1": other["seq1"]}
    for name in ("lengths", "seq1_lengths", "task_ids", "diversity"):
        changed[name] = batch[name].copy()
        changed[name][2] = other[name][2]
    changed["token_ids"][2] += 1
    changed["token_ids"] %= WORDS
    again = call(model, changed, names)
    for name in names:
        np.testing.assert_allclose(again[name], actual[name], atol=1e-6)


def test_predictions_do_not_depend_on_the_task_of_a_text():
    _, model = build(**LEL)
    batch = make_batch()
    other = {**batch, "task_ids": np.array([0, 2, 1, 0], np.int32)}
    names = ("transfer_logits", "main_task_logits")
    actual, again = call(model, batch, names), call(model, other, names)
    for name in names:
        np.testing.assert_array_equal(actual[name], again[name])


def test_network_reads_only_its_inputs():
    batch = make_batch()
    other = {**batch, "diversity": batch["diversity"] + 1}
    # A model without diversity features has no such input.
    assert "diversity" not in build(**LEL, transfer_diversity=False)[1].input
    _, model = build(**LEL)
    actual, again = (call(model, x) for x in (batch, other))
    assert (actual["transfer_logits"] != again["transfer_logits"]).any()
    for name in ("main_task_logits", "logits", "shared", "private"):
        np.testing.assert_array_equal(actual[name], again[name])

    def logits_around_a_change(settings):
        """Returns logits before and after the main task's weights change."""
        _, model = build(**settings)
        table = model.get_layer("head").output_layer.table
        start = table.numpy()
        before = call(model, batch)["transfer_logits"]
        value = start.copy()
        value[FIRST[MAIN] : FIRST[MAIN + 1]] += 0.5
        table.assign(value)
        after = call(model, batch)["transfer_logits"]
        table.assign(start)
        return before, after

    np.testing.assert_array_equal(*logits_around_a_change(LEL))
    before, after = logits_around_a_change(
        {**LEL, "transfer_main_predictions": True}
    )
    assert (before != after).any()


def test_submodel_without_label_transfer_equals_a_model_without_it():
    """Inputs, outputs and initial weights are the same."""
    settings = {"encoder": "lstm", "recurrent_dropout": 0.3, **LEL}
    batch = make_batch()
    names = ["logits", "shared", "private"]
    actual = []
    for label_transfer in ("semi_supervised", "none"):
        config = make_config(
            **settings, label_transfer=label_transfer, transfer_hidden_size=100
        )
        model = multitask_model.build(config, NUM_CLASSES, WORDS, MAIN)
        submodel = multitask_model.submodel(model, names)
        assert set(submodel.input) == {"token_ids", "lengths", "task_ids"}
        actual.append(
            [call(model, batch, names, training=x) for x in (True, True, False)]
        )
    for one, other in zip(*actual, strict=True):
        for name in names:
            np.testing.assert_array_equal(one[name], other[name])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
