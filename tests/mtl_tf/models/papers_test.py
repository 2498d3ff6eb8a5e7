"""The models of both papers against NumPy, one text at a time."""

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.models import multitask_model
from tests.helpers import papers
from tests.helpers import trainers

NUM_CLASSES = trainers.LABELS


def weights_of(*layers):
    """Sets random weights, so that no term is small, and returns them."""
    random = np.random.default_rng(3)
    weights = {}
    for layer in layers:
        for weight in layer.weights:
            weight.assign(random.normal(scale=0.4, size=weight.shape))
            weights[weight.path] = weight.numpy().astype(np.float64)
    return weights


def texts_of(batch, name, lengths, index):
    """Token ids of each text of a task batch, without padding."""
    return [
        row[:length]
        for row, length in zip(
            batch[name][index], batch[lengths][index], strict=True
        )
    ]


def test_losses_of_asp_mtl():
    """Liu et al. 2017, Eq. 6 and 10 to 15."""
    trainer = trainers.make_trainer(
        **trainers.LSTM,
        adversary="reversal_unbounded",
        adversarial_weight=0.05,
        orthogonality_loss="frobenius",
        orthogonality_weight=0.01,
    )
    w = weights_of(trainer.model, trainer.adversary.discriminator)
    batch = trainers.make_batch()
    batches = [
        list(
            zip(
                texts_of(batch, "token_ids", "lengths", task),
                batch["labels"][task],
                strict=True,
            )
        )
        for task in range(3)
    ]
    expected = papers.asp_mtl_loss(w, batches, NUM_CLASSES, 0.05, 0.01)
    logs = trainer.train_step(batch)
    actual = [
        float(logs[f"loss_weighted/{name}"])
        for name in ("task", "adversarial", "orthogonality")
    ]
    assert actual == pytest.approx(expected, rel=1e-4)


def test_outputs_of_lel_ltn():
    """Augenstein et al. 2018, Eq. 4 to 6."""
    config = config_lib.Config(
        embedding_dim=4,
        hidden_size=5,
        sharing="fully_shared",
        encoder="conditional_bilstm",
        skip_connection=True,
        task_layer_size=6,
        output_layer="label_embedding",
        label_transfer="supervised",
        transfer_hidden_size=7,
        main_task="b",
    )
    main_task = 1
    model = multitask_model.build(
        config, NUM_CLASSES, trainers.WORDS, main_task
    )
    w = weights_of(model)
    random = np.random.default_rng(4)
    batch = trainers.make_batch(unlabeled=True)
    seq1 = trainers.make_batch(seed=5, unlabeled=True)
    batch |= {"seq1": seq1["token_ids"], "seq1_lengths": seq1["lengths"]}
    batch["diversity"] = random.normal(size=(3, 4, 5)).astype(np.float32)
    batch["transfer_indices"] = np.arange(3, dtype=np.int32)
    outputs = model({name: batch[name] for name in model.input})
    outputs = {k: tf.nn.softmax(v).numpy() for k, v in outputs.items()}
    for task in range(3):
        pairs = zip(
            texts_of(batch, "seq1", "seq1_lengths", task),
            texts_of(batch, "token_ids", "lengths", task),
            strict=True,
        )
        for text, (seq1_ids, seq2_ids) in enumerate(pairs):
            features = papers.conditional_bilstm(w, seq1_ids, seq2_ids)
            p, _ = papers.lel(w, features, task, NUM_CLASSES)
            np.testing.assert_allclose(
                outputs["logits"][task, text, : len(p)], p, atol=1e-5
            )
            p, _ = papers.lel(w, features, main_task, NUM_CLASSES)
            np.testing.assert_allclose(
                outputs["main_task_logits"][task, text, : len(p)], p, atol=1e-5
            )
            diversity = batch["diversity"][task, text]
            p = papers.ltn(w, features, diversity, main_task, NUM_CLASSES)
            np.testing.assert_allclose(
                outputs["transfer_logits"][task, text], p, atol=1e-5
            )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
