import re
import subprocess
import sys

import pytest

from mtl_tf.studies import search_space
from mtl_tf.studies import search_space_file

_FILE = """\
# Sizes and rates.
[sweep]
method = "tpe"
trials = 7
seed = 3

[settings]
learning_rate = {low = 1e-4, high = 1e-2, log = true}
hidden_size = {low = 16, high = 64, step = 16}
encoder = ["lstm", "cnn"]
skip_connection = [true, false]
task_weights = [["a:2", "b:1"], []]
"""


def test_read_a_file(tmp_path):
    path = tmp_path / "space.toml"
    # As Windows editors write it.
    path.write_bytes(b"\xef\xbb\xbf" + _FILE.encode())
    space = search_space_file.read(path)
    assert space == search_space.SearchSpace(
        {
            "learning_rate": search_space.Range(1e-4, 1e-2, log=True),
            "hidden_size": search_space.Range(16, 64, step=16, is_integer=True),
            "encoder": ("lstm", "cnn"),
            "skip_connection": (True, False),
            "task_weights": (("a:2", "b:1"), ()),
        },
        method="tpe",
        trials=7,
        seed=3,
        source=str(path),
    )
    assert list(space.settings)[:2] == ["learning_rate", "hidden_size"]


def test_read_a_dict():
    space = search_space_file.read(
        {
            "settings": {"epochs": {"low": 2, "high": 9}},
            "successive_halving": {"min_epochs": 2},
        }
    )
    assert space.settings == {
        "epochs": search_space.Range(2, 9, is_integer=True)
    }
    assert space.successive_halving == search_space.SuccessiveHalving(2, 3)
    assert (space.method, space.trials) == ("random", 20)


# By line of the file: what it is replaced by, the line of the error, and the
# message after it.
_WRONG = [
    (
        "encoder =",
        'encodr = ["lstm"]',
        10,
        "settings.encodr: there is no setting 'encodr' (did you mean encoder",
    ),
    (
        "encoder =",
        'encoder = ["lstn"]',
        10,
        "settings.encoder: encoder=lstn: not one of lstm,",
    ),
    (
        "encoder =",
        "encoder = {low = 1, high = 2}",
        10,
        "settings.encoder: a range is for numbers: give a list of values",
    ),
    (
        "encoder =",
        'encoder = "lstm"',
        10,
        "settings.encoder: expected a list of values, or a range {low = ..., "
        "high = ...}, got 'lstm' (a fixed value is a flag: --encoder=...)",
    ),
    ("encoder =", 'encoder = ["cnn", "cnn"]', 10, "settings.encoder: 'cnn' is"),
    ("encoder =", "encoder = []", 10, "settings.encoder: expected a list of"),
    (
        "hidden_size =",
        "hidden_size = [8, 1.5]",
        9,
        "settings.hidden_size: hidden_size=1.5: expected an integer, got",
    ),
    (
        "hidden_size =",
        "hidden_size = {low = 0, high = 8}",
        9,
        "settings.hidden_size: hidden_size=0: expected a number above 0",
    ),
    (
        "hidden_size =",
        "hidden_size = {low = 8, high = 8}",
        9,
        "settings.hidden_size: low=8 is not below high=8",
    ),
    (
        "hidden_size =",
        "hidden_size = {low = 8, hihg = 9}",
        9,
        "settings.hidden_size.hihg: there is no key 'hihg' (did you mean ",
    ),
    (
        "hidden_size =",
        "hidden_size = {low = 8}",
        9,
        "settings.hidden_size: high",
    ),
    (
        "hidden_size =",
        "hidden_size = {low = 8, high = 9, step = 0.5}",
        9,
        "settings.hidden_size: step=0.5: expected an integer above 0",
    ),
    (
        "learning_rate =",
        "learning_rate = {low = 0.1, high = 1, log = true, step = 0.1}",
        8,
        "settings.learning_rate: log has no step",
    ),
    (
        "learning_rate =",
        "dev_rate = [1]\nlearning_rate = [-1.0]",
        8,
        "settings.dev_rate: there is no setting 'dev_rate'",
    ),
    (
        "learning_rate =",
        "word_dropout = {low = 0, high = 0.5, log = true}",
        8,
        "settings.word_dropout: log needs a range above 0",
    ),
    (
        "learning_rate =",
        "seed = [1, 2]",
        8,
        "settings.seed: cannot be searched: the best of several seeds is luck",
    ),
    (
        "method =",
        'method = "randon"',
        3,
        "sweep.method: 'randon' is not one of grid, random, tpe (did you mean "
        "random",
    ),
    ("method =", 'metod = "grid"', 3, "sweep.metod: there is no key 'metod'"),
    (
        "method =",
        'method = "grid"',
        4,
        "sweep.trials: not used by method=grid, which tries all combinations",
    ),
    ("trials =", "trials = 0", 4, "sweep.trials: 0: expected an integer of 1"),
    (
        "trials =",
        "trials = 1e3",
        4,
        "sweep.trials: 1000.0: expected an integer",
    ),
    ("trials =", "trials = true", 4, "sweep.trials: True: expected an integer"),
    ("trials =", "trials = 20000", 4, "sweep.trials: at most 10000"),
    (
        "[settings]",
        "[successive_halving]\n[settings]",
        7,
        "successive_halving: it compares trials that start together;",
    ),
    (
        "[settings]",
        "[successive_halving]\nreduction_factor = 1\n[settings]",
        8,
        "successive_halving.reduction_factor: 1: expected an integer of 2",
    ),
    ("[settings]", "[setings]", 7, "setings: there is no table 'setings' (did"),
]


@pytest.mark.parametrize(("old", "new", "line", "message"), _WRONG)
def test_errors_name_file_and_line(tmp_path, old, new, line, message):
    path = tmp_path / "space.toml"
    (replaced,) = (x for x in _FILE.splitlines() if x.startswith(old))
    path.write_text(_FILE.replace(replaced, new))
    start = re.escape(f"{path}:{line}: {message}")
    with pytest.raises(ValueError, match=f"^{start}"):
        search_space_file.read(path)


def test_grid_needs_values():
    space = {
        "settings": {"learning_rate": {"low": 1e-4, "high": 1e-2}},
        "sweep": {"method": "grid"},
    }
    with pytest.raises(ValueError, match="method=grid needs a list of values"):
        search_space_file.read(space)


def test_files_that_cannot_be_read(tmp_path):
    path = tmp_path / "space.toml"
    with pytest.raises(ValueError, match="there is no such file"):
        search_space_file.read(path)
    with pytest.raises(ValueError, match="is a directory"):
        search_space_file.read(tmp_path)
    path.write_text("[settings]\nepochs = [1,,]")
    with pytest.raises(ValueError, match=r"space\.toml: .* line 2"):
        search_space_file.read(path)
    path.write_bytes(b"[settings]\nencoder = ['\xff']")
    with pytest.raises(ValueError, match="is not UTF-8"):
        search_space_file.read(path)
    path.write_text("[sweep]\ntrials = 3\n")
    with pytest.raises(ValueError, match="expected at least one setting"):
        search_space_file.read(path)


def test_the_example_is_read():
    space = search_space_file.read("configs/sweeps/rates_and_sizes.toml")
    assert space.method == "random"
    assert space.trials >= 20


def test_reading_needs_no_tensorflow():
    code = (
        "import sys; from mtl_tf.studies import search_space_file, trials; "
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
