"""What the peer in PyTorch computes, in a process without TensorFlow.

    python -m tests.benchmarks.contenders.pytorch_process QUESTIONS RESULTS

Both libraries bring their own copies of the same native ones, and a process
that holds both may crash. QUESTIONS is a JSON file that holds a list of
`{"function": NAME, ...}` with the arguments of one of the functions here, and
RESULTS one that what they return is written to.
"""

import json
import os
import sys

import numpy as np
import torch

from benchmarks.contenders import pytorch

# Several would wait for each other where other tests have the cores.
os.cpu_count = lambda: 1


def modules() -> list[str]:
    """Returns what this process has imported."""
    return [name for name in sys.modules if "." not in name]


def train(
    problem: dict, variant: str, weights: dict, groups: list, steps: int
) -> dict:
    """Computes a loss with its gradients, and then trains.

    Args:
      problem: as contenders get it.
      variant: of the contender.
      weights: this project's, by name.
      groups: the batch.
      steps: steps of training.

    Returns:
      `loss`; `gradients` by path in this project's layout; `steps`: the losses
      of the steps; `calls`: how often a step calls the LSTM that reads seq2 of
      all tasks; `table_changed`: whether word vectors were trained.
    """
    contender = pytorch.Contender(problem, variant)
    pairs = _start_alike(contender.model, problem, weights)
    groups = contender.convert([_arrays(group) for group in groups])
    loss = contender.loss(groups)
    loss.backward()
    gradients = [
        parameter.grad.to_dense().numpy()
        for parameter, _ in pairs
        if parameter.requires_grad
    ]
    model, calls = contender.model, []
    of_asp_mtl = isinstance(model, pytorch.AspMtl)
    shared = model.shared if of_asp_mtl else model.seq2[0]
    shared.register_forward_hook(lambda *_: calls.append(None))
    before = model.embedding.weight.detach().clone()
    losses = [contender.step(groups)]
    return {
        "loss": loss.item(),
        "gradients": gradients,
        # Of one step: before the others are made.
        "calls": len(calls),
        "table_changed": not torch.equal(model.embedding.weight, before),
        "steps": losses + [contender.step(groups) for _ in range(steps - 1)],
    }


def expected(problem: dict, arrays: dict) -> list:
    """Brings weights or gradients of this project into the peer's layout.

    Args:
      problem: as contenders get it.
      arrays: by name.

    Returns:
      As `gradients` of `train`.
    """
    model = pytorch.Contender(problem, "joint/padded").model
    return [find(_arrays(arrays)) for _, find in _pairs(model, problem)]


def computed(problem: dict, variant: str, groups: list) -> int:
    """Counts tokens that the peer computes."""
    contender = pytorch.Contender(problem, variant)
    return contender.computed([_arrays(group) for group in groups])


def _arrays(lists):
    return {name: np.array(values) for name, values in lists.items()}


def _start_alike(model, problem, weights):
    """Gives the peer this project's weights; returns the pairs."""
    pairs = _pairs(model, problem)
    # PyTorch adds two biases up: one of them is ours, the other is 0.
    second = [
        parameter
        for name, parameter in model.named_parameters()
        if name.endswith("bias_hh_l0")
    ]
    assert len(pairs) + len(second) == len(list(model.parameters()))
    weights = _arrays(weights)
    with torch.no_grad():
        for parameter in second:
            parameter.zero_()
        for parameter, find in pairs:
            parameter.copy_(torch.tensor(find(weights)))
    return pairs


def _lstm(layer, name, reader=0):
    """Pairs of a parameter, and a function that finds its like in ours."""
    return [
        (layer.weight_ih_l0, lambda w: w[f"{name}/kernel"][reader].T),
        (layer.weight_hh_l0, lambda w: w[f"{name}/recurrent_kernel"][reader].T),
        (layer.bias_ih_l0, lambda w: w[f"{name}/bias"][reader]),
    ]


def _pairs(model, problem):
    pairs = [(model.embedding.weight, lambda w: w["word_embedding/table"])]
    if isinstance(model, pytorch.ConditionalLel):
        for own, prefix in ((model.seq1, "seq1_"), (model.seq2, "")):
            for layer, name in zip(own, ("forward", "backward"), strict=True):
                pairs += _lstm(layer, f"encoder/shared_encoder/{prefix}{name}")
        for task, layer in enumerate(model.task_layers):
            pairs += [
                (
                    layer.weight,
                    lambda w, t=task: w["head/task_layer/kernel"][t].T,
                ),
                (layer.bias, lambda w, t=task: w["head/task_layer/bias"][t]),
            ]
        pairs.append(
            (model.labels.weight, lambda w: w["head/label_embedding/table"])
        )
        return pairs
    pairs += _lstm(model.shared, "encoder/shared_encoder/lstm_0")
    for task, layer in enumerate(model.private):
        pairs += _lstm(layer, "encoder/private_encoder/lstm_0", task)
    ends = np.cumsum(problem["label_counts"])
    for layer, end, labels in zip(
        model.outputs, ends, problem["label_counts"], strict=True
    ):
        rows = slice(end - labels, end)
        pairs += [
            (layer.weight, lambda w, r=rows: w["head/softmax_head/kernel"][r]),
            (layer.bias, lambda w, r=rows: w["head/softmax_head/bias"][r]),
        ]
    layer = model.discriminator
    return [
        *pairs,
        (layer.weight, lambda w: w["task_discriminator/kernel"]),
        (layer.bias, lambda w: w["task_discriminator/bias"]),
    ]


_FUNCTIONS = {
    function.__name__: function
    for function in (modules, train, expected, computed)
}


def main(questions: str, results: str) -> None:
    """Answers all questions of a file."""
    with open(questions, encoding="utf-8") as file:
        calls = json.load(file)
    returned = [_FUNCTIONS[x.pop("function")](**x) for x in calls]
    with open(results, "w", encoding="utf-8") as file:
        json.dump(returned, file, default=np.ndarray.tolist)


if __name__ == "__main__":
    main(*sys.argv[1:])
