"""TF_CONFIG: the workers that it names, and what is refused."""

import json

import pytest

from mtl_tf.config import tf_config

_WORKERS = {"worker": ["a:1", "b:2", "c:3"]}
_EXPECTED = 'expected {"cluster": {"worker": ["HOST:PORT", ...]}, "task":'


def environment(cluster, kind="worker", index=0):
    task = {"type": kind, "index": index}
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})}


@pytest.mark.parametrize("index", [0, 1, 2])
def test_first_worker_is_the_chief(index):
    worker = tf_config.read(environment(_WORKERS, index=index))
    assert worker.addresses == ("a:1", "b:2", "c:3")
    assert worker.index == index
    assert worker.is_chief == (index == 0)


@pytest.mark.parametrize(
    ("kind", "index", "position"), [("chief", 0, 0), ("worker", 1, 2)]
)
def test_chief_may_have_a_job_and_comes_first(kind, index, position):
    cluster = {"worker": ["b:2", "c:3"], "chief": ["a:1"]}
    worker = tf_config.read(environment(cluster, kind, index))
    assert worker.addresses == ("a:1", "b:2", "c:3")
    assert worker.index == position
    assert worker.is_chief == (kind == "chief")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "distribution=multi_worker needs the environment variable"),
        ({"TF_CONFIG": ""}, "needs the environment variable TF_CONFIG"),
        ({"TF_CONFIG": "{"}, "TF_CONFIG={: not JSON ("),
        ({"TF_CONFIG": "[]"}, "'cluster' or 'task' is missing, or not an"),
        ({"TF_CONFIG": '{"cluster": {}}'}, "'cluster' or 'task' is missing"),
        (environment({}), "the cluster has no job 'worker' of the task"),
        (
            environment(_WORKERS | {"ps": ["d:4"]}),
            "the cluster has a job 'ps', not one of chief, worker",
        ),
        (environment(_WORKERS, "evaluator"), "has no job 'evaluator' of the"),
        (
            environment(_WORKERS, index=3),
            "the index 3 of the task is not one of 0 to 2",
        ),
        (environment(_WORKERS, index="0"), "the index '0' of the task is not"),
        (environment(_WORKERS, index=True), "the index True of the task is"),
        (environment({"worker": "a:1"}), "'worker' is not a list of addresses"),
        (environment({"worker": []}), "'worker' is not a list of addresses"),
        (environment({"worker": ["a"]}), "'a' is not HOST:PORT"),
        (environment({"worker": ["a:x"]}), "'a:x' is not HOST:PORT"),
        (environment({"worker": [":1"]}), "':1' is not HOST:PORT"),
        (environment({"worker": [1]}), "1 is not HOST:PORT"),
        (environment({"worker": ["a:1"] * 2}), "the address a:1 is repeated"),
        (
            environment({"chief": ["a:1", "b:2"]}, "chief"),
            "the cluster has more than one chief",
        ),
    ],
)
def test_message_says_what_is_wrong_and_what_is_expected(values, message):
    with pytest.raises(ValueError, match="TF_CONFIG") as caught:
        tf_config.read(values)
    assert message in str(caught.value)
    assert _EXPECTED in str(caught.value)


@pytest.mark.parametrize("distribution", ["one_device", "mirrored"])
def test_other_distributions_do_not_read_it(monkeypatch, distribution):
    monkeypatch.setenv("TF_CONFIG", "{")
    assert tf_config.is_chief(distribution)
    with pytest.raises(ValueError, match="not JSON"):
        tf_config.is_chief("multi_worker")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
