import re

import numpy as np
import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.config import validation


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("hidden_size", 0, "above 0"),
        ("num_runs", 0, "above 0"),
        ("max_tokens", 0, "above 0"),
        ("num_layers", 0, "above 0"),
        ("embedding_dim", 0, "above 0"),
        ("batch_size", 0, "above 0"),
        ("discriminator_updates", 0, "above 0"),
        ("learning_rate", 0.0, "above 0"),
        ("learning_rate", float("nan"), "above 0"),
        ("learning_rate_decay", 0.0, "above 0"),
        ("init_range", 0.0, "above 0"),
        ("epochs", 0, "above 0"),
        ("log_every", 0, "above 0"),
        ("seed", -1, "0 or more"),
        ("ema_decay", -0.1, "a rate, from 0 to below 1"),
        ("ema_decay", 1.0, "a rate, from 0 to below 1"),
        ("threads", -1, "0 or more"),
        ("adversarial_weight", -0.1, "0 or more"),
        ("orthogonality_weight", -0.1, "0 or more"),
        ("discriminator_learning_rate", -0.1, "0 or more"),
        ("steps_per_epoch", -1, "0 or more"),
        ("sampling_exponent", -1.0, "0 or more"),
        ("warmup_steps", -1, "0 or more"),
        ("initial_accumulator", -0.1, "0 or more"),
        ("weight_decay", -0.1, "0 or more"),
        ("clip_norm", float("nan"), "0 or more"),
        ("patience", -1, "0 or more"),
        ("task_layer_size", -1, "0 or more"),
        ("label_embedding_dim", -1, "0 or more"),
        ("transfer_hidden_size", -1, "0 or more"),
        ("transfer_weight", -0.5, "0 or more"),
        ("pseudo_label_weight", -0.5, "0 or more"),
        ("pseudo_label_threshold", -0.1, "0 or more"),
        ("word_dropout", 1.0, "from 0 to below 1"),
        ("vector_dropout", -0.1, "from 0 to below 1"),
        ("recurrent_dropout", 1.5, "from 0 to below 1"),
        ("feature_dropout", float("nan"), "from 0 to below 1"),
        ("forget_bias", float("nan"), "not a finite number"),
        ("adversarial_weight", float("inf"), "not a finite number"),
        ("transfer_weight", float("inf"), "not a finite number"),
        # The largest float32 is (2 - 2^-23) 2^127, the smallest 2^-126.
        ("init_range", 3.41e38, r"beyond 3.4e\+38, the largest float32"),
        ("forget_bias", -1e300, r"beyond 3.4e\+38, the largest float32"),
        ("learning_rate", 1e-60, "than 1.18e-38, the smallest float32"),
    ],
)
def test_value_out_of_range_is_refused(name, value, allowed):
    with pytest.raises(
        ValueError, match=rf"^{name}={re.escape(str(value))}: .*{allowed}$"
    ):
        config_lib.Config(**{name: value})


@pytest.mark.parametrize("name", ["patience", "seed", "word_dropout"])
def test_end_of_a_range_is_allowed(name):
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
            r"tasks=a,b,c,b,a,b: a is repeated 2 times",
        ),
        (
            {"seed": 2**32},
            r"seed=4294967296, num_runs=1: the last seed must be below "
            "4294967296",
        ),
        (
            {"seed": 2**32 - 2, "num_runs": 3},
            r"seed=4294967294, num_runs=3: the",
        ),
        (
            {"encoder": "cnn", "pooling": "max", "recurrent_dropout": 0.1},
            r"recurrent_dropout=0.1 needs a recurrent encoder \(lstm, bilstm, "
            r"stacked_lstm, conditional_bilstm\), got encoder=cnn",
        ),
        (
            {"encoder": "cnn", "pooling": "max", "precision": "bfloat16"},
            r"precision=bfloat16 applies to LSTMs: it needs a recurrent "
            r"encoder \(lstm, bilstm, stacked_lstm, conditional_bilstm\), got "
            r"encoder=cnn",
        ),
        (
            {"precision": "float16"},
            r"precision=float16.*float32, bfloat16",
        ),
        (
            {"recurrence": "scam"},
            "recurrence=scam: not one of auto, packed, scan.*scan",
        ),
        (
            {"encoder": "conditional_bilstm", "sequences": "seq2"},
            "sequences=seq2 leaves out seq1, which encoder=conditional_bilstm",
        ),
        (
            {"label_embedding_dim": 7},
            "label_embedding_dim=7 needs output_layer=label_embedding, got "
            "output_layer=softmax",
        ),
        (
            {"label_bias": True},
            "label_bias=True needs output_layer=label_embedding, got",
        ),
        (
            {"initial_accumulator": 0.0, "optimizer": "sgd"},
            "initial_accumulator=0.0 needs optimizer=adagrad, got sgd",
        ),
        (
            {"weight_decay": 0.1, "optimizer": "sgd"},
            "weight_decay=0.1 needs optimizer=adamw, got sgd",
        ),
        (
            {"adversarial_weight": 0.1, "sharing": "single_task"},
            "adversarial_weight needs a shared encoder, got sharing=",
        ),
        ({"task_batches": 1}, "^task_batches=1: expected 0 or at least 2"),
        (
            {"task_batches": 2, "update": "alternating"},
            "^task_batches=2 needs update=joint, got update=alternating",
        ),
        (
            {"task_batches": 2, "sharing": "single_task"},
            "^task_batches=2 needs sharing=fully_shared or shared_private",
        ),
        (
            {"adversarial_weight": 0.1, "update": "alternating"},
            r"adversarial_weight needs texts of all tasks in a step "
            r"\(update=joint\)",
        ),
        (
            {
                "train_shared_encoder": False,
                "init_from": "run",
                "sharing": "single_task",
            },
            "notrain_shared_encoder needs a shared encoder .*sharing=single_",
        ),
        (
            {"train_shared_encoder": False},
            "notrain_shared_encoder needs init_from, .*weights are random",
        ),
        (
            {
                "train_shared_encoder": False,
                "init_from": "run",
                "adversarial_weight": 0.1,
            },
            "adversarial_weight=0.1 trains the shared encoder, which ",
        ),
        (
            {"orthogonality_weight": 0.1, "sharing": "fully_shared"},
            r"orthogonality_weight needs a shared and a private encoder "
            r"\(sharing=shared_private\), got sharing=fully_shared",
        ),
        (
            {"unlabeled": True},
            "set adversarial_weight, label_transfer=semi_supervised or teach",
        ),
    ],
)
def test_incompatible_values_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        config_lib.Config(**values)


@pytest.mark.parametrize(
    ("name", "most", "why"),
    [
        ("batch_size", 65_536, "all texts of a step are held in memory"),
        ("hidden_size", 10_000, "the number of weights grows with its square"),
        ("embedding_dim", 10_000, "each word of the vocabulary has a vector"),
        ("max_tokens", 1_000_000, "texts are padded to the longest one"),
        ("num_layers", 100, "each layer has its own weights and loop"),
        ("threads", 1_024, "TensorFlow starts all of them at once"),
        ("num_runs", 1_000, "each is a training run"),
        ("steps_per_epoch", 10_000_000, "scores on dev"),
        ("task_layer_size", 10_000, "each task has a layer"),
        ("discriminator_updates", 1_000, "every step computes all of them"),
        ("sampling_exponent", 10, "1 samples in proportion to rows"),
    ],
)
def test_values_above_the_limits_are_refused(name, most, why):
    assert getattr(config_lib.Config(**{name: most}), name) == most
    for value in (most + 1, 1_000_000_000):
        with pytest.raises(
            ValueError, match=rf"^{name}={value}(\.0)?: at most {most} \({why}"
        ):
            config_lib.Config(**{name: value})


def test_integers_are_limited():
    assert config_lib.Config(epochs=2**31 - 1).epochs == 2**31 - 1
    with pytest.raises(ValueError, match=r"^epochs=\d+: at most 2147483647$"):
        config_lib.Config(epochs=2**31)


@pytest.mark.parametrize(
    ("processes", "message"),
    [
        (0, "processes=0: expected a number above 0"),
        (1025, r"processes=1025: at most 1024 \(each loads"),
        (1.0, "processes=1.0: expected an integer, got float"),
        (True, "processes=True: expected an integer, got bool"),
    ],
)
def test_invalid_processes_are_refused(processes, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        validation.check_processes(processes)
    validation.check_processes(np.int64(1024))


# What label transfer, and its semi-supervised phase, can do with.
_SUPERVISED = {"label_transfer": "supervised", "main_task": "books"}
_SEMI_SUPERVISED = {**_SUPERVISED, "label_transfer": "semi_supervised"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"label_transfer": "supervised"},
            "^label_transfer=supervised needs main_task, the task whose labels",
        ),
        (
            {**_SUPERVISED, "sharing": "single_task"},
            "^label_transfer=supervised needs a model of several tasks, got "
            "sharing=single_task$",
        ),
        (
            {**_SUPERVISED, "update": "alternating"},
            "^label_transfer=supervised with sharing=shared_private needs "
            "texts of the main task in every step: update=joint, "
            "task_batches=0 and sampling_exponent=0$",
        ),
        (
            {**_SUPERVISED, "task_batches": 2},
            "^label_transfer=supervised with sharing=shared_private needs",
        ),
        (
            {**_SUPERVISED, "sampling_exponent": 0.5},
            "^label_transfer=supervised with sharing=shared_private needs",
        ),
        (
            {
                **_SEMI_SUPERVISED,
                "sharing": "fully_shared",
                "update": "alternating",
            },
            "^label_transfer=semi_supervised with sharing=fully_shared needs",
        ),
        (
            {
                **_SEMI_SUPERVISED,
                "sharing": "fully_shared",
                "sampling_exponent": 1.0,
            },
            "^label_transfer=semi_supervised with sharing=fully_shared needs",
        ),
        (
            {**_SEMI_SUPERVISED, "transfer_trained_on": "auxiliary"},
            "^label_transfer=semi_supervised needs pseudo-labels of the main "
            "task, which transfer_trained_on=auxiliary does not train$",
        ),
        (
            {**_SEMI_SUPERVISED, "pseudo_label_threshold": 1.0},
            "^pseudo_label_threshold=1.0: expected a probability below 1$",
        ),
        (
            {**_SUPERVISED, "unlabeled": True},
            "^unlabeled text is used by the adversary and for pseudo-labels",
        ),
        (
            {"steps_per_epoch": 3, "epoch_length": "smallest_task"},
            "^steps_per_epoch=3, epoch_length=smallest_task: both determine",
        ),
        (
            {"chained_task_layers": True},
            "^chained_task_layers needs task-specific layers: set task_l",
        ),
        (
            {
                "chained_task_layers": True,
                "task_layer_size": 3,
                "init_from": "runs/a",
            },
            "^init_from loads each task's layer by the name of the task, but",
        ),
    ],
)
def test_label_transfer_refuses_incompatible_settings(values, message):
    with pytest.raises(ValueError, match=message):
        config_lib.Config(**values)


@pytest.mark.parametrize(
    "values",
    [
        _SEMI_SUPERVISED,
        {**_SEMI_SUPERVISED, "unlabeled": True},
        {**_SUPERVISED, "sharing": "fully_shared", "update": "alternating"},
        {**_SUPERVISED, "sharing": "fully_shared", "sampling_exponent": 0.5},
        {**_SUPERVISED, "transfer_trained_on": "auxiliary"},
        # Early stopping may follow one task without label transfer.
        {"main_task": "books", "update": "alternating"},
    ],
)
def test_label_transfer_accepts_compatible_settings(values):
    config = config_lib.Config(**values)
    assert {name: getattr(config, name) for name in values} == values


@pytest.mark.parametrize(
    ("name", "value", "needed"),
    [
        ("tanh_logits", True, "output_layer=softmax"),
        *(
            (name, value, "label_transfer=supervised or semi_supervised")
            for name, value in (
                ("transfer_hidden_size", 7),
                ("transfer_probabilities", True),
                ("transfer_main_predictions", True),
                ("transfer_diversity", False),
                ("transfer_gradient", False),
                ("transfer_trained_on", "auxiliary"),
                ("transfer_weight", 0.5),
            )
        ),
    ],
)
def test_unused_setting_is_refused(name, value, needed):
    setting, _, values = needed.partition("=")
    without = {
        setting: "label_embedding" if setting == "output_layer" else "none"
    }
    with pytest.raises(
        ValueError, match=f"^{name}={value} needs {needed}, got {setting}="
    ):
        config_lib.Config(**{name: value}, **without)
    more = {} if setting == "output_layer" else _SUPERVISED
    with_it = {**more, setting: values.split(" or ")[0], name: value}
    assert getattr(config_lib.Config(**with_it), name) == value


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
