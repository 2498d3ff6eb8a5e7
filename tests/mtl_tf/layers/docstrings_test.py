"""The examples in the docstrings of the layers run."""

import importlib
import inspect
import pkgutil
import re
import textwrap

import keras
import pytest

from mtl_tf import layers


def _examples():
    """Yields (name of a layer, code of its example)."""
    for module in pkgutil.iter_modules(layers.__path__, f"{layers.__name__}."):
        members = vars(importlib.import_module(module.name))
        for name, member in members.items():
            if not inspect.isclass(member) or member.__module__ != module.name:
                continue
            if issubclass(member, keras.layers.Layer):
                for code in re.findall(
                    r"```python\n(.*?)```", inspect.getdoc(member), re.DOTALL
                ):
                    yield name, textwrap.dedent(code)


EXAMPLES = dict(_examples())


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_runs(name):
    exec(EXAMPLES[name], {})


def test_reusable_layers_have_examples():
    assert EXAMPLES.keys() >= {
        "GradientReversal",
        "LabelEmbedding",
        "LabelTransferNetwork",
        "PerTaskLSTM",
        "SharedPrivateEncoder",
        "TaskDiscriminator",
        "TaskHead",
        "WordEmbedding",
    }


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
