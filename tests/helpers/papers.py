"""The models of both papers in NumPy, one text at a time.

They are what the tests compare the layers with, and the shortest way to read
what the models compute. `w` holds the weights of a model by Keras path.
"""

import numpy as np


# --8<-- [start:lstm]
def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(x, kernel, recurrent_kernel, bias, state=None):
    """Reads one text, [seq_len, e]; returns its last (h, c) (A, Eq. 1-3)."""
    h, c = state or (np.zeros(len(recurrent_kernel)),) * 2
    for x_t in x:
        i, f, g, o = np.split(x_t @ kernel + h @ recurrent_kernel + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    return h, c


# --8<-- [end:lstm]


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def lstm_weights(w, layer, task=0):
    """Returns kernel, recurrent kernel and bias of a task."""
    names = ("kernel", "recurrent_kernel", "bias")
    return [w[f"encoder/{layer}/{name}"][task] for name in names]


def rows_of(num_classes, task):
    """Returns the rows of a task's labels in a matrix of all labels."""
    first = sum(num_classes[:task])
    return slice(first, first + num_classes[task])


# --8<-- [start:asp_mtl]
def asp_mtl(w, token_ids, task, num_classes):
    """Encodes and classifies one text (Liu, Qiu & Huang 2017)."""
    x = w["word_embedding/table"][token_ids]
    # Section 3.3: the shared and the private LSTM read the same text.
    s, _ = lstm(x, *lstm_weights(w, "shared_encoder/lstm_0"))
    h, _ = lstm(x, *lstm_weights(w, "private_encoder/lstm_0", task))
    # Eq. 6, on [s; h].
    rows = rows_of(num_classes, task)
    kernel = w["head/softmax_head/kernel"][rows]
    logits = kernel @ np.concatenate([s, h]) + w["head/softmax_head/bias"][rows]
    # Eq. 12.
    task_logits = w["task_discriminator/kernel"] @ s
    return s, h, logits, task_logits + w["task_discriminator/bias"]


def asp_mtl_loss(w, batches, num_classes, adversarial_weight, diff_weight):
    """Computes Eq. 15 for a batch of each task: [(token_ids, label), ...]."""
    task_loss = adversarial_loss = diff_loss = 0
    for task, texts in enumerate(batches):
        outputs = [asp_mtl(w, x, task, num_classes) for x, _ in texts]
        s, h, logits, task_logits = zip(*outputs, strict=True)
        for (_, label), z, d in zip(texts, logits, task_logits, strict=True):
            task_loss -= np.log(softmax(z)[label]) / len(texts)  # Eq. 10
            adversarial_loss -= np.log(softmax(d)[task]) / len(texts)  # Eq. 13
        diff_loss += np.sum((np.transpose(s) @ np.array(h)) ** 2)  # Eq. 14
    return (
        task_loss,
        adversarial_weight * adversarial_loss,
        diff_weight * diff_loss,
    )


# --8<-- [end:asp_mtl]


# --8<-- [start:lel_ltn]
def conditional_bilstm(w, seq1, seq2):
    """Encodes seq2 conditioned on seq1 (Augenstein et al. 2018, 3.1)."""
    x1, x2 = (w["word_embedding/table"][ids] for ids in (seq1, seq2))
    states = []
    for direction, step in (("forward", 1), ("backward", -1)):
        name = f"shared_encoder/seq1_{direction}"
        end_of_seq1 = lstm(x1[::step], *lstm_weights(w, name))
        name = f"shared_encoder/{direction}"
        h, _ = lstm(x2[::step], *lstm_weights(w, name), end_of_seq1)
        states.append(h)
    # Section 3.6: a skip connection of the mean word vectors.
    return np.concatenate([*states, x2.mean(axis=0), x1.mean(axis=0)])


def lel(w, features, task, num_classes):
    """Returns p (Eq. 4) and the expected label embedding o (Eq. 5)."""
    kernel, bias = (w[f"head/task_layer/{x}"][task] for x in ("kernel", "bias"))
    h = np.tanh(features @ kernel + bias)
    joint = w["head/label_embedding/table"] @ h
    mask = np.full(len(joint), -np.inf)
    mask[rows_of(num_classes, task)] = 0
    p = softmax(joint + mask)
    o = p @ w["head/label_embedding/table"]
    return p[rows_of(num_classes, task)], o


def ltn(w, features, diversity, main_task, num_classes):
    """Returns the label transfer network's probabilities (Eq. 6)."""
    auxiliary = [t for t in range(len(num_classes)) if t != main_task]
    o = [lel(w, features, task, num_classes)[1] for task in auxiliary]
    network = {
        name: w[f"label_transfer_network/{name}"]
        for name in ("hidden/kernel", "hidden/bias", "output/kernel")
    }
    h = np.concatenate([*o, diversity]) @ network["hidden/kernel"][0]
    h = np.maximum(h + network["hidden/bias"][0], 0)
    bias = w["label_transfer_network/output/bias"]
    return softmax(network["output/kernel"] @ h + bias)


# --8<-- [end:lel_ltn]
