import keras
import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.training import optimizers

RATE, DECAY = 0.1, 0.2
RULES = tuple(optimizers.RULES)


def make(rule, value, *, name="kernel", learning_rate=RATE, **kwargs):
    """Makes an optimizer of one variable, and the variable."""
    variable = tf.Variable(tf.constant(value, tf.float32))
    schedule = optimizers.Schedule(learning_rate)
    return optimizers.Optimizer(
        rule, {name: variable}, schedule, **kwargs
    ), variable


def settings(rule):
    return {"weight_decay": DECAY} if rule == "adamw" else {}


def by_keras(rule):
    return {
        "sgd": lambda: keras.optimizers.SGD(RATE),
        "adagrad": lambda: keras.optimizers.Adagrad(RATE),
        "rmsprop": lambda: keras.optimizers.RMSprop(RATE),
        "adam": lambda: keras.optimizers.Adam(RATE),
        "adamw": lambda: keras.optimizers.AdamW(RATE, weight_decay=DECAY),
    }[rule]()


@pytest.mark.parametrize("rule", RULES)
def test_dense_updates_agree_with_keras(rule):
    random = np.random.default_rng(0)
    start = random.normal(size=(3, 2)).astype(np.float32)
    optimizer, variable = make(rule, start, **settings(rule))
    other, copy = by_keras(rule), keras.Variable(start)
    # Keras adds ε before it corrects Adam's bias: its ε weighs
    # 1 / sqrt(1 - β2^t) times as much, 32 times in the first step. For
    # gradients of 0.5 or more that makes at most
    # RATE * 1e-7 / 0.5 * (32 + 22 + 18 + 16 + 14 + 13) = 2.3e-6 in six steps.
    # Six roundings of values near 1 make 6 * 1.2e-7 = 7e-7 anyway.
    tolerance = 3e-6 if rule.startswith("adam") else 7e-7
    for step in range(6):
        gradient = random.uniform(0.5, 2, (3, 2)) * random.choice([-1, 1], 2)
        gradient = tf.constant(gradient, tf.float32)
        optimizer.apply([gradient], step)
        other.apply([gradient], [copy])
        np.testing.assert_allclose(
            variable, copy.numpy(), rtol=0, atol=tolerance
        )


def in_numpy(rule, value, gradients):
    """Computes the value after updates by each rule's equations in float64."""
    total, mean, square = 0.1, 0.0, 0.0
    for t, g in enumerate(gradients, start=1):
        if rule == "adamw":
            value = value - RATE * DECAY * value
        if rule == "sgd":
            direction = g
        elif rule == "adagrad":
            total = total + g * g
            direction = g / np.sqrt(total + 1e-7)
        elif rule == "rmsprop":
            square = 0.9 * square + 0.1 * g * g
            direction = g / np.sqrt(square + 1e-7)
        else:
            mean = 0.9 * mean + 0.1 * g
            square = 0.999 * square + 0.001 * g * g
            direction = (mean / (1 - 0.9**t)) / (
                np.sqrt(square / (1 - 0.999**t)) + 1e-7
            )
        value = value - RATE * direction
    return value


@pytest.mark.parametrize("size", [1.0, 1e-4, 1e-7])
@pytest.mark.parametrize("rule", RULES)
def test_updates_agree_with_equations_for_gradients_of_any_size(rule, size):
    """For gradients as small as ε, its position matters."""
    random = np.random.default_rng(1)
    gradients = size * random.uniform(0.5, 1, size=(5, 4, 1))
    optimizer, variable = make(rule, np.ones((4, 1)), **settings(rule))
    for step, gradient in enumerate(gradients):
        optimizer.apply([tf.constant(gradient, tf.float32)], step)
    expected = in_numpy(rule, np.ones((4, 1)), gradients)
    np.testing.assert_allclose(variable, expected, rtol=1e-5)


def test_two_steps_of_adagrad_by_hand():
    # g = 3: total 0.1 + 9 = 9.1, step 0.1 * 3 / sqrt(9.1) = 0.0994490;
    # g = -4: total 9.1 + 16 = 25.1, step 0.1 * -4 / sqrt(25.1) = -0.0798405.
    optimizer, variable = make("adagrad", [[1.0]])
    optimizer.apply([tf.constant([[3.0]])], 0)
    np.testing.assert_allclose(variable, [[1 - 0.0994490]], rtol=1e-6)
    optimizer.apply([tf.constant([[-4.0]])], 1)
    np.testing.assert_allclose(
        variable, [[1 - 0.0994490 + 0.0798405]], rtol=1e-6
    )


def test_adagrad_without_an_initial_accumulator():
    """The first step has the size of the learning rate for any gradient."""
    gradients = np.array([[3.0, -0.5], [2e-2, 1e-2]])
    optimizer, variable = make(
        "adagrad", np.ones((2, 2)), initial_accumulator=0.0
    )
    optimizer.apply([tf.constant(gradients, tf.float32)], 0)
    expected = 1 - RATE * gradients / np.sqrt(gradients**2 + 1e-7)
    np.testing.assert_allclose(variable, expected, rtol=1e-6)
    np.testing.assert_allclose(
        variable, 1 - RATE * np.sign(gradients), rtol=1e-3
    )


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("rule", RULES)
def test_rows_are_updated_independently_of_other_rows(rule, traced):
    """Each row changes as if steps without it did not exist."""
    random = np.random.default_rng(2)
    start = random.normal(size=(4, 3)).astype(np.float32)
    optimizer, variable = make(rule, start, **settings(rule))

    def apply(values, rows, step):
        optimizer.apply([tf.IndexedSlices(values, rows, (4, 3))], step)

    if traced:
        apply = tf.function(apply)
    separate = [make(rule, row[np.newaxis], **settings(rule)) for row in start]
    # Row 2 never occurs, row 1 once, row 0 in some steps.
    for step, rows in enumerate([[0, 1], [3], [3, 0], [3], [0, 3]]):
        values = random.normal(size=(len(rows), 3)).astype(np.float32)
        before = variable.numpy()
        apply(values, tf.constant(rows), tf.constant(step, tf.int64))
        for row, value in zip(rows, values, strict=True):
            separate[row][0].apply([value[np.newaxis]], step)
        absent = [row for row in range(4) if row not in rows]
        # Exactly, whatever momentum earlier steps have left.
        np.testing.assert_array_equal(variable.numpy()[absent], before[absent])
    expected = np.concatenate([variable for _, variable in separate])
    np.testing.assert_allclose(variable, expected, rtol=1e-6)
    np.testing.assert_array_equal(optimizer.state["kernel/count"], [3, 1, 0, 4])


@pytest.mark.parametrize("rule", RULES)
def test_state_of_absent_rows_does_not_change(rule):
    optimizer, _ = make(rule, np.ones((3, 2)), **settings(rule))
    optimizer.apply([tf.ones([3, 2])], 0)
    before = {name: v.numpy() for name, v in optimizer.state.items()}
    optimizer.apply([tf.IndexedSlices(tf.ones([1, 2]), [1], (3, 2))], 1)
    for name, variable in optimizer.state.items():
        changed = variable.numpy() != before[name]
        np.testing.assert_array_equal(changed.reshape(3, -1)[[0, 2]], False)
        assert changed[1].all(), name


@pytest.mark.parametrize("rule", RULES)
def test_slices_of_the_same_row_are_summed_first(rule):
    """As with two task batches of the same task."""
    slices_of_rows = np.array([[1.0, 2.0], [5.0, 5.0], [3.0, -6.0]], np.float32)
    # Row 2: (1, 2) + (3, -6) = (4, -4).
    sums = np.array([[4.0, -4.0], [5.0, 5.0]], np.float32)
    values = []
    for slices, rows in ((slices_of_rows, [2, 0, 2]), (sums, [2, 0])):
        optimizer, variable = make(
            rule, np.ones((3, 2)), clip_norm=1.0, **settings(rule)
        )
        for step in range(2):
            norm = optimizer.apply(
                [tf.IndexedSlices(slices, tf.constant(rows), (3, 2))], step
            )
            # 16 + 16 + 25 + 25 = 82
            np.testing.assert_allclose(norm, 82**0.5, rtol=1e-6)
        values.append(variable.numpy())
        np.testing.assert_array_equal(
            optimizer.state["kernel/count"], [2, 0, 2]
        )
    np.testing.assert_array_equal(*values)


def test_variable_without_a_gradient_does_not_change():
    variables = {name: tf.Variable([[1.0]]) for name in ("a", "b")}
    optimizer = optimizers.Optimizer(
        "adamw", variables, optimizers.Schedule(RATE), weight_decay=DECAY
    )
    for step, gradients in enumerate([[[[1.0]], [[1.0]]], [[[1.0]], None]]):
        before = variables["b"].numpy()
        optimizer.apply(
            [g if g is None else tf.constant(g) for g in gradients], step
        )
    np.testing.assert_array_equal(variables["b"], before)
    assert optimizer.state["b/count"].numpy() == [1]


def test_clipping_by_the_joint_norm():
    dense, rows = tf.Variable([[1.0]]), tf.Variable([[1.0], [1.0]])
    optimizer = optimizers.Optimizer(
        "sgd",
        {"dense": dense, "rows": rows},
        optimizers.Schedule(1.0),
        clip_norm=1.0,
    )

    def apply(by_dense, by_row):
        return optimizer.apply(
            [
                tf.constant([[by_dense]]),
                tf.IndexedSlices(tf.constant([[by_row]]), [1], (2, 1)),
            ],
            0,
        )

    # The norm of (3, 4) is 5, so gradients are divided by 5.
    np.testing.assert_allclose(apply(3.0, 4.0), 5)
    np.testing.assert_allclose(dense, [[0.4]], rtol=1e-6)
    np.testing.assert_allclose(rows, [[1], [0.2]], rtol=1e-6)
    # The norm of (0.3, 0.4) is 0.5, so gradients are not clipped.
    np.testing.assert_allclose(apply(0.3, 0.4), 0.5)
    np.testing.assert_allclose(dense, [[0.1]], rtol=1e-6)
    np.testing.assert_allclose(rows, [[1], [-0.2]], rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "expected"), [("encoder/kernel", 0.98), ("encoder/bias", 1.0)]
)
def test_weight_decay_does_not_apply_to_biases(name, expected):
    # 1 - 0.1 * 0.2 = 0.98. Biases of per-task layers have two axes.
    optimizer, variable = make(
        "adamw", np.ones((2, 3)), name=name, weight_decay=DECAY
    )
    optimizer.apply([tf.IndexedSlices(tf.zeros([1, 3]), [1], (2, 3))], 0)
    np.testing.assert_allclose(variable, [[1] * 3, [expected] * 3], rtol=1e-6)


def test_schedule_warms_up_and_decays_per_epoch():
    schedule = optimizers.Schedule(
        0.8, warmup_steps=4, decay=0.5, steps_per_epoch=6
    )
    # 0.8 / 4 more per step; half from step 6, a quarter from step 12.
    expected = [0.2, 0.4, 0.6, 0.8, 0.8, 0.8, *[0.4] * 6, 0.2]
    actual = [schedule(tf.constant(step, tf.int64)) for step in range(13)]
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_schedule_without_warm_up_and_decay_is_constant():
    schedule = optimizers.Schedule(0.3)
    actual = [schedule(tf.constant(step, tf.int64)) for step in (0, 1, 10**6)]
    np.testing.assert_array_equal(actual, np.full(3, 0.3, np.float32))


def test_schedule_sets_the_learning_rate_of_each_step():
    variable = tf.Variable([[0.0]])
    schedule = optimizers.Schedule(1.0, warmup_steps=2)
    optimizer = optimizers.Optimizer("sgd", {"a": variable}, schedule)
    optimizer.apply([tf.constant([[1.0]])], tf.constant(0, tf.int64))
    np.testing.assert_array_equal(variable, [[-0.5]])
    optimizer.apply([tf.constant([[1.0]])], tf.constant(1, tf.int64))
    np.testing.assert_array_equal(variable, [[-1.5]])


def test_unknown_rules_and_weight_decay_are_refused():
    with pytest.raises(ValueError, match=r"one of .*'adam'.* got 'lion'"):
        make("lion", [[1.0]])
    with pytest.raises(ValueError, match=r"needs optimizer=adamw, got adam"):
        make("adam", [[1.0]], weight_decay=0.1)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
