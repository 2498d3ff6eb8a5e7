"""The same models in PyTorch, written for speed on a CPU."""

import os

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import rnn


class _Reverse(torch.autograd.Function):
    """The identity forward, -scale times the gradient backward."""

    @staticmethod
    def forward(ctx, features, scale):
        ctx.scale = scale
        return features.view_as(features)

    @staticmethod
    def backward(ctx, gradient):
        return -ctx.scale * gradient, None


class AspMtl(nn.Module):
    """ASP-MTL: shared and private LSTM, discriminator, orthogonality.

    Args:
      problem: see `problems`.
      packed: whether groups are packed instead of padded.
    """

    def __init__(self, problem: dict, packed: bool):
        super().__init__()
        config = problem["config"]
        width, units = config["word_width"], config["units"]
        tasks = len(problem["label_counts"])
        self.reversal = config["adversarial_weight"]
        self.orthogonality = config["orthogonality_weight"]
        self.packed = packed
        # Sparse gradients: a step is not to touch the whole table.
        self.embedding = nn.Embedding(
            problem["vocabulary_size"], width, sparse=True
        )
        self.shared = nn.LSTM(width, units, batch_first=True)
        self.private = nn.ModuleList(
            nn.LSTM(width, units, batch_first=True) for _ in range(tasks)
        )
        self.outputs = nn.ModuleList(
            nn.Linear(2 * units, labels) for labels in problem["label_counts"]
        )
        self.discriminator = nn.Linear(units, tasks)
        for weight in self.parameters():
            nn.init.uniform_(
                weight, -config["init_range"], config["init_range"]
            )

    def loss(self, group: dict, shared=None) -> torch.Tensor:
        """The loss of one group; `shared` features if they are there."""
        task, lengths = group["task"], group["lengths"]
        vectors = self.embedding(group["tokens"])
        if shared is None:
            shared = self._last_state(self.shared, vectors, lengths)
        private = self._last_state(self.private[task], vectors, lengths)
        scores = self.outputs[task](torch.cat([shared, private], dim=1))
        of_task = functional.cross_entropy(scores, group["labels"])
        guesses = self.discriminator(_Reverse.apply(shared, self.reversal))
        adversarial = functional.cross_entropy(
            guesses, torch.full_like(group["labels"], task)
        )
        orthogonality = (shared.T @ private).square().sum()
        return of_task + adversarial + self.orthogonality * orthogonality

    def joint_loss(self, groups: list[dict], at_once: bool) -> torch.Tensor:
        """The sum over groups; `at_once`: the shared LSTM reads all texts."""
        shared = [None] * len(groups)
        if at_once:
            lengths = torch.cat([group["lengths"] for group in groups])
            vectors = self.embedding(_stack(groups))
            states = self._last_state(self.shared, vectors, lengths)
            shared = states.split([len(group["lengths"]) for group in groups])
        return sum(
            self.loss(group, features)
            for group, features in zip(groups, shared, strict=True)
        )

    def _last_state(self, lstm, vectors, lengths):
        if self.packed:
            vectors = rnn.pack_padded_sequence(
                vectors, lengths, batch_first=True, enforce_sorted=False
            )
            return lstm(vectors)[1][0][0]
        states, _ = lstm(vectors)
        return states[torch.arange(len(lengths)), lengths - 1]


def _stack(groups):
    """Tokens of all groups, padded to the longest text of them all."""
    longest = max(group["tokens"].shape[1] for group in groups)
    return torch.cat(
        [
            functional.pad(
                group["tokens"], (0, longest - group["tokens"].shape[1])
            )
            for group in groups
        ]
    )


class Contender:
    """See `contenders`. The variant is `STEP/PADDING`.

    STEP: `task`, an optimizer step for each group; `joint`, one for all;
    `joint_at_once`, the same where the shared LSTM reads all texts at once.
    PADDING: `padded`, groups are padded to their longest text, and the state
    at each text's last token is picked; `packed`, `pack_padded_sequence`.
    """

    def __init__(self, problem: dict, variant: str):
        torch.set_num_threads(os.cpu_count())
        self._step, padding = variant.split("/")
        self._packed = padding == "packed"
        self._bfloat16 = problem["precision"] == "bfloat16"
        self.model = MODELS[problem["model"]](problem, self._packed)
        rate = problem["config"]["learning_rate"]
        table = self.model.embedding.weight
        rest = [w for w in self.model.parameters() if w is not table]
        self._optimizers = [
            torch.optim.SparseAdam([table], rate),
            torch.optim.Adam(rest, rate, fused=True),
        ]

    def convert(self, groups: list[dict]) -> list[dict]:
        """Groups as tensors, which is done before the clock starts."""
        return [
            {
                name: int(array)
                if name == "task"
                else torch.from_numpy(array.astype(np.int64))
                for name, array in group.items()
            }
            for group in groups
        ]

    def step(self, groups: list[dict]) -> float:
        """Trains on the groups; the sum of their losses."""
        if self._step != "task":
            return self._update(groups)
        return sum(self._update([group]) for group in groups)

    def loss(self, groups: list[dict]) -> torch.Tensor:
        """The sum of the losses of groups, for one backward pass."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self._bfloat16):
            return self.model.joint_loss(groups, self._step == "joint_at_once")

    def computed(self, groups: list[dict]) -> int:
        """Tokens that the LSTMs read, with padding: the mean over encoders."""
        if self._packed:
            return sum(int(group["lengths"].sum()) for group in groups)
        padded = sum(group["tokens"].size for group in groups)
        if self._step != "joint_at_once":
            return padded
        longest = max(group["tokens"].shape[1] for group in groups)
        at_once = sum(len(group["tokens"]) for group in groups) * longest
        return (padded + at_once) // 2

    def _update(self, groups):
        loss = self.loss(groups)
        for optimizer in self._optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for optimizer in self._optimizers:
            optimizer.step()
        return loss.item()


MODELS = {"asp_mtl": AspMtl}
