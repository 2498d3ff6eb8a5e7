import functools

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers.packed_rnn import precision


def float32_product(a, b):
    """Multiplies, and rounds once, at the end."""
    return tf.cast(
        tf.matmul(tf.cast(a, tf.float32), tf.cast(b, tf.float32)), tf.bfloat16
    )


def rounding_product(a, b, terms):
    """Multiplies, and rounds the sum after every few terms."""
    columns = range(0, a.shape[-1], terms)
    partial = [
        float32_product(a[..., k : k + terms], b[..., k : k + terms, :])
        for k in columns
    ]
    # The sum of two bfloat16 tensors is rounded to bfloat16.
    return functools.reduce(tf.add, partial)


def test_sums_in_float32_are_detected():
    assert precision.sums_in_float32(float32_product)


@pytest.mark.parametrize("terms", [1, 16, 256, 512])
def test_sums_in_bfloat16_are_detected(terms):
    product = functools.partial(rounding_product, terms=terms)
    assert not precision.sums_in_float32(product)


def test_batched_products_are_measured_too():
    def product(a, b):
        if len(a.shape) == 2:
            return float32_product(a, b)
        return rounding_product(a, b, terms=16)

    assert not precision.sums_in_float32(product)


@pytest.fixture(name="measured")
def _measured(monkeypatch):
    """The result of a measurement, which a test sets, and their number."""
    measured = {"is_native": True, "times": 0}

    def measure(product):
        assert product is tf.matmul
        # In a graph there would be no numbers.
        assert tf.executing_eagerly()
        measured["times"] += 1
        return measured["is_native"]

    monkeypatch.setattr(precision, "sums_in_float32", measure)
    precision._has_native_bfloat16.cache_clear()
    yield measured
    precision._has_native_bfloat16.cache_clear()


@pytest.mark.parametrize("is_native", [True, False])
def test_machine_is_measured_once_outside_of_graphs(
    measured, is_native, caplog
):
    measured["is_native"] = is_native
    chosen = []
    tf.function(lambda: chosen.append(precision.choose("bfloat16")))()
    chosen.append(precision.choose("bfloat16"))
    multiplied = tf.bfloat16 if is_native else tf.float32
    assert chosen == [precision.Precision(tf.bfloat16, multiplied)] * 2
    assert measured["times"] == 1
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == (0 if is_native else 1)
    if not is_native:
        assert "not faster than precision=float32" in warnings[0]


def test_float32_and_portable_need_no_measurement(measured):
    float32 = precision.Precision(tf.float32, tf.float32)
    assert precision.choose("float32") == float32
    assert precision.choose("float32", portable=True) == float32
    assert precision.choose("bfloat16", portable=True) == precision.Precision(
        tf.bfloat16, tf.float32
    )
    assert measured["times"] == 0


@pytest.mark.parametrize("multiplied", [tf.float32, tf.bfloat16])
def test_factors_and_results_are_rounded(multiplied):
    # bfloat16 has 7 bits behind the point: 1 + 1 / 256 is halfway, and goes to
    # the even one; 1 + 3 / 256 likewise.
    numbers = tf.constant([1 + 1 / 256, 1 + 3 / 256, 1 + 1 / 128, -3.0])
    expected = [1, 1 + 1 / 64, 1 + 1 / 128, -3.0]
    chosen = precision.Precision(tf.bfloat16, multiplied)
    factor = chosen.factor(numbers)
    assert factor.dtype == multiplied
    np.testing.assert_array_equal(tf.cast(factor, tf.float32), expected)
    result = chosen.result(tf.cast(numbers, multiplied))
    assert result.dtype == tf.float32
    np.testing.assert_array_equal(result, expected)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
