"""The label transfer network against the equations, in NumPy."""

import functools

import numpy as np
import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.models import multitask_model

COUNTS = (2, 4, 3)
FIRST = np.cumsum([0, *COUNTS])
MAIN = 1
WORDS = 12
TASKS = (2, 1, 0, 1)
ASKED = (3, 0, 1)
# Everything that may stand between a text and the answers to it.
ALL_OF_IT = {
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
    """Weights are large, so that no answer is as good as any other."""
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
    model = multitask_model.build(config, COUNTS, WORDS, MAIN)
    random = np.random.default_rng(3)
    for weight in model.trainable_weights:
        # Biases start at 0 in part.
        weight.assign(random.uniform(-0.9, 0.9, weight.shape))
    return config, model


def build(**settings):
    """A config, and its model; the same one for the same settings."""
    return _build(tuple(sorted(settings.items())))


def make_batch(seed=0, time=5, tasks=TASKS):
    """Texts of tasks c, b, a and b, and what they are read against."""
    random = np.random.default_rng(seed)
    shape = (len(tasks), 3)

    def texts(time):
        tokens = random.integers(0, WORDS, (*shape, time)).astype(np.int32)
        return tokens, random.integers(1, time + 1, shape).astype(np.int32)

    tokens, lengths = texts(time)
    seq1, seq1_lengths = texts(4)
    return {
        "token_ids": tokens,
        "lengths": lengths,
        "seq1": seq1,
        "seq1_lengths": seq1_lengths,
        "task_ids": np.array(tasks, np.int32),
        "transfer_indices": np.array(ASKED, np.int32),
        "diversity": random.normal(size=(*shape, 5)).astype(np.float32),
    }


_part = functools.lru_cache(multitask_model.submodel)


def call(model, batch, outputs=None, **kwargs):
    part = _part(model, tuple(outputs or model.output))
    found = part({name: batch[name] for name in part.input}, **kwargs)
    return {name: output.numpy() for name, output in found.items()}


def softmax(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


class ByTheEquations:
    """What a model should say, from its weights and its text features."""

    def __init__(self, config, model, batch):
        self._config = config
        self._model = model
        self._batch = batch
        self._weights = {w.path: w.numpy() for w in model.weights}

    def _mean_vectors(self, tokens, lengths):
        table = self._weights["word_embedding/table"]
        width = table.shape[1]
        means = np.zeros([*lengths.shape, width], np.float32)
        for place, length in np.ndenumerate(lengths):
            means[place] = table[tokens[place][:length]].mean(axis=0)
        return means

    def _hidden(self, task):
        """What the output of a task reads of each text of the batch."""
        config, batch, weights = self._config, self._batch, self._weights
        read = {**batch, "task_ids": np.full_like(batch["task_ids"], task)}
        names = [x for x in ("shared", "private") if x in self._model.output]
        features = call(self._model, read, names)
        parts = [features["shared"]] if "shared" in features else []
        if config.skip_connection:
            parts.append(
                self._mean_vectors(batch["token_ids"], batch["lengths"])
            )
            if config.sequences_apart:
                parts.append(
                    self._mean_vectors(batch["seq1"], batch["seq1_lengths"])
                )
        parts += [features["private"]] if "private" in features else []
        hidden = np.concatenate(parts, axis=-1)
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

    def scores(self, task):
        """Of the labels of a task, for each text of the batch."""
        config, weights = self._config, self._weights
        rows = slice(FIRST[task], FIRST[task + 1])
        hidden = self._hidden(task)
        if config.output_layer == "softmax":
            scores = (
                hidden @ weights["head/softmax_head/kernel"][rows].T
                + weights["head/softmax_head/bias"][rows]
            )
            return np.tanh(scores) if config.tanh_logits else scores
        vectors = weights["head/label_embedding/table"][rows]
        scores = hidden[..., : vectors.shape[1]] @ vectors.T
        if config.label_bias:
            scores = scores + weights["head/label_embedding/bias"][rows]
        return scores

    def answer(self, task):
        """Eq. 5: o = sum_j p_j l_j; or the probabilities themselves."""
        config = self._config
        p = softmax(self.scores(task))
        if config.output_layer == "softmax" or config.transfer_probabilities:
            return p
        table = self._weights["head/label_embedding/table"]
        return sum(
            p[..., [j]] * table[FIRST[task] + j] for j in range(COUNTS[task])
        )

    def transfer_logits(self):
        """Eq. 6, of each group of the batch: a list of [batch, labels]."""
        config, weights = self._config, self._weights
        on_main = config.transfer_trained_on == "main"
        answers = {task: self.answer(task) for task in range(len(COUNTS))}
        found = []
        for group, own in enumerate(self._batch["task_ids"]):
            parts = []
            for task, answer in answers.items():
                if task == MAIN and not config.transfer_main_predictions:
                    continue
                # The answer that the labels of these texts train is hidden.
                is_hidden = not on_main and task == own != MAIN
                parts.append(answer[group] * (0 if is_hidden else 1))
            if config.transfer_diversity:
                parts.append(self._batch["diversity"][group])
            h = np.concatenate(parts, axis=-1)
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
            found.append(
                h @ weights["label_transfer_network/output/kernel"][rows].T
                + weights["label_transfer_network/output/bias"][rows]
            )
        return found


MODELS = [
    LEL,
    {**LEL, "transfer_main_predictions": True},
    {**LEL, "transfer_diversity": False},
    {**LEL, "transfer_probabilities": True, "sharing": "fully_shared"},
    {"transfer_hidden_size": 0},
    {"sharing": "fully_shared", "encoder": "lstm", "tanh_logits": True},
    {"task_layer_size": 4, "chained_task_layers": True},
    {**ALL_OF_IT, "sharing": "fully_shared"},
    {**ALL_OF_IT, "transfer_main_predictions": True},
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
    found = call(model, batch)
    wanted = ByTheEquations(config, model, batch)
    by_group = wanted.transfer_logits()
    for place, group in enumerate(ASKED):
        scores = found["transfer_logits"][place]
        labels = by_group[group].shape[-1]
        np.testing.assert_allclose(
            scores[:, :labels], by_group[group], atol=2e-6
        )
        # Labels of other tasks have no probability.
        assert (scores[:, labels:] < -1e8).all()
        assert np.ptp(scores[:, 0]) > 1e-3
    main = wanted.scores(MAIN)[list(ASKED)]
    np.testing.assert_allclose(found["main_task_logits"], main, atol=2e-6)
    is_main = batch["task_ids"] == MAIN
    np.testing.assert_allclose(
        found["logits"][is_main], wanted.scores(MAIN)[is_main], atol=2e-6
    )


@every_model
def test_which_groups_are_asked_changes_no_answer(settings):
    _, model = build(**settings)
    batch = make_batch()
    everything = {**batch, "transfer_indices": np.arange(4, dtype=np.int32)}
    all_four = call(model, everything)
    for asked in ([2], [1, 3], [3, 2, 1, 0], [0, 0]):
        found = call(
            model, {**batch, "transfer_indices": np.array(asked, np.int32)}
        )
        for name in ("transfer_logits", "main_task_logits"):
            np.testing.assert_allclose(
                found[name], all_four[name][asked], atol=1e-6
            )
        np.testing.assert_array_equal(found["logits"], all_four["logits"])


@pytest.mark.parametrize(
    "settings", [m for m in MODELS if m.get("sharing") == "fully_shared"]
)
def test_where_none_is_asked_there_is_no_answer(settings):
    _, model = build(**settings)
    batch = {**make_batch(), "transfer_indices": np.zeros(0, np.int32)}
    found = call(model, batch)
    assert found["transfer_logits"].shape == (0, 3, COUNTS[MAIN])
    assert found["main_task_logits"].shape == (0, 3, max(COUNTS))


@every_model
def test_neither_padding_nor_other_groups_change_an_answer(settings):
    _, model = build(**settings)
    batch = make_batch()
    names = ("transfer_logits", "main_task_logits")
    found = call(model, batch, names)
    # Other padding, more of it, and another group beside.
    other = make_batch(seed=1, time=9, tasks=(0, 0, 1, 2))
    for tokens, lengths in (("token_ids", "lengths"), ("seq1", "seq1_lengths")):
        more = other[tokens]
        time = batch[tokens].shape[-1]
        there = np.arange(time) < batch[lengths][..., np.newaxis]
        more[..., :time] = np.where(there, batch[tokens], more[..., :time])
    # The group that is not asked is another one altogether.
    changed = {**batch, "token_ids": other["token_ids"], "seq1": other["seq1"]}
    for name in ("lengths", "seq1_lengths", "task_ids", "diversity"):
        changed[name] = batch[name].copy()
        changed[name][2] = other[name][2]
    changed["token_ids"][2] += 1
    changed["token_ids"] %= WORDS
    again = call(model, changed, names)
    for name in names:
        np.testing.assert_allclose(again[name], found[name], atol=1e-6)


def test_texts_of_the_main_task_are_no_other_texts():
    """It answers by what a text holds, and not by which task it is of."""
    _, model = build(**LEL)
    batch = make_batch()
    other = {**batch, "task_ids": np.array([0, 2, 1, 0], np.int32)}
    names = ("transfer_logits", "main_task_logits")
    found, again = call(model, batch, names), call(model, other, names)
    for name in names:
        np.testing.assert_array_equal(found[name], again[name])


def test_it_does_not_read_what_it_is_not_to_read():
    batch = make_batch()
    other = {**batch, "diversity": batch["diversity"] + 1}
    # A model without has not so much as the input.
    assert "diversity" not in build(**LEL, transfer_diversity=False)[1].input
    _, model = build(**LEL)
    found, again = (call(model, x) for x in (batch, other))
    assert (found["transfer_logits"] != again["transfer_logits"]).any()
    for name in ("main_task_logits", "logits", "shared", "private"):
        np.testing.assert_array_equal(found[name], again[name])

    def scores_of_changed(settings):
        """After the main task's own weights have changed."""
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

    np.testing.assert_array_equal(*scores_of_changed(LEL))
    before, after = scores_of_changed(
        {**LEL, "transfer_main_predictions": True}
    )
    assert (before != after).any()


def test_a_part_without_label_transfer_is_the_model_without():
    """The same inputs, outputs, and starts of weights."""
    settings = {"encoder": "lstm", "recurrent_dropout": 0.3, **LEL}
    batch = make_batch()
    names = ["logits", "shared", "private"]
    found = []
    for label_transfer in ("semi_supervised", "none"):
        config = make_config(
            **settings, label_transfer=label_transfer, transfer_hidden_size=100
        )
        model = multitask_model.build(config, COUNTS, WORDS, MAIN)
        part = multitask_model.submodel(model, names)
        assert set(part.input) == {"token_ids", "lengths", "task_ids"}
        found.append(
            [call(model, batch, names, training=x) for x in (True, True, False)]
        )
    for one, other in zip(*found, strict=True):
        for name in names:
            np.testing.assert_array_equal(one[name], other[name])


def test_its_layers_do_not_start_alike():
    model = multitask_model.build(
        make_config(transfer_hidden_size=4), COUNTS, WORDS, MAIN
    )
    starts = [
        weight.numpy().ravel()
        for weight in model.weights
        if weight.numpy().any()
    ]
    assert any(
        w.path == "label_transfer_network/hidden/kernel"
        for w in model.trainable_weights
    )
    for number, first in enumerate(starts):
        for second in starts[:number]:
            both = min(len(first), len(second))
            assert (first[:both] != second[:both]).any()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
