"""Models of the benchmark in PyTorch, optimized for a CPU."""

import os

# oneDNN compiles code for each length of a sequence, which takes longer than to
# run it once. The cache must keep all of it; torch reads its size on import.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16384")

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import rnn

from benchmarks import groups as groups_lib


class _Reverse(torch.autograd.Function):
    """Identity forward, gradient times -scale backward."""

    @staticmethod
    def forward(ctx, features, scale):
        ctx.scale = scale
        return features.view_as(features)

    @staticmethod
    def backward(ctx, gradient):
        return -ctx.scale * gradient, None


class _Model(nn.Module):
    """Base class of the models.

    Args:
      problem: see `problems`.
      packed: whether LSTMs read packed sequences instead of padded ones.
    """

    def __init__(self, problem: dict, packed: bool):
        super().__init__()
        self.config = problem["config"]
        self.packed = packed
        # Sparse gradients, so that a step does not update the entire table.
        self.embedding = nn.Embedding(
            problem["vocabulary_size"],
            self.config["embedding_dim"],
            sparse=True,
        )
        self.embedding.weight.requires_grad = self.config["train_word_vectors"]

    def lstm(self) -> nn.LSTM:
        """Makes an LSTM that reads word vectors."""
        config = self.config
        return nn.LSTM(
            config["embedding_dim"], config["hidden_size"], batch_first=True
        )

    def start(self) -> None:
        """Initializes the weights as this project does."""
        limit = self.config["init_range"]
        for weight in self.parameters():
            nn.init.uniform_(weight, -limit, limit)

    def last_state(self, lstm, vectors, lengths, start=None) -> torch.Tensor:
        """Returns h at the last token of each text, [batch, hidden_size]."""
        if self.packed:
            return _end(lstm, vectors, lengths, start)[0][0]
        states, _ = lstm(vectors, start)
        return states[torch.arange(len(lengths)), lengths - 1]


def _end(lstm, vectors, lengths, start=None):
    """Returns h and c at the last tokens, [1, batch, hidden_size] each."""
    packed = rnn.pack_padded_sequence(
        vectors, lengths, batch_first=True, enforce_sorted=False
    )
    return lstm(packed, start)[1]


class AspMtl(_Model):
    """ASP-MTL: shared and private LSTM, discriminator, orthogonality."""

    def __init__(self, problem: dict, packed: bool):
        super().__init__(problem, packed)
        num_classes, hidden_size = (
            problem["label_counts"],
            self.config["hidden_size"],
        )
        self.shared = self.lstm()
        self.private = nn.ModuleList(self.lstm() for _ in num_classes)
        self.outputs = nn.ModuleList(
            nn.Linear(2 * hidden_size, labels) for labels in num_classes
        )
        self.discriminator = nn.Linear(hidden_size, len(num_classes))
        self.start()

    def forward(self, groups: list[dict], at_once: bool) -> torch.Tensor:
        """Computes the sum of the groups' losses.

        Args:
          groups: groups as tensors.
          at_once: the shared LSTM reads all texts together, instead of one
            group after the other.
        """
        shared = [None] * len(groups)
        if at_once:
            texts = _join(groups)
            vectors = self.embedding(texts["token_ids"])
            shared = self.last_state(
                self.shared, vectors, texts["lengths"]
            ).split([len(group["labels"]) for group in groups])
        return sum(map(self._loss, groups, shared))

    def computed(self, groups: list[dict], at_once: bool) -> int:
        """Counts padded tokens, the mean of shared and private LSTM."""
        private = groups_lib.padded_tokens(groups)
        shared = groups_lib.padded_tokens(groups, at_once)
        return (shared + private) // 2

    def _loss(self, group, shared):
        task, lengths = group["task_ids"], group["lengths"]
        vectors = self.embedding(group["token_ids"])
        if shared is None:
            shared = self.last_state(self.shared, vectors, lengths)
        private = self.last_state(self.private[task], vectors, lengths)
        scores = self.outputs[task](torch.cat([shared, private], dim=1))
        of_task = functional.cross_entropy(scores, group["labels"])
        reversed_ = _Reverse.apply(shared, self.config["adversarial_weight"])
        adversarial = functional.cross_entropy(
            self.discriminator(reversed_),
            torch.full_like(group["labels"], task),
        )
        orthogonality = (shared.T @ private).square().sum()
        weight = self.config["orthogonality_weight"]
        return of_task + adversarial + weight * orthogonality


class ConditionalLel(_Model):
    """A conditional BiLSTM for all tasks, and a label embedding layer.

    seq1 is always packed: seq2 starts from its true end, h and c, and of
    padded sequences `nn.LSTM` returns h alone.
    """

    def __init__(self, problem: dict, packed: bool):
        super().__init__(problem, packed)
        config, num_classes = self.config, problem["label_counts"]
        # Forward and backward.
        self.seq1 = nn.ModuleList([self.lstm(), self.lstm()])
        self.seq2 = nn.ModuleList([self.lstm(), self.lstm()])
        features = 2 * config["hidden_size"] + 2 * config["embedding_dim"]
        self.task_layers = nn.ModuleList(
            nn.Linear(features, config["task_layer_size"]) for _ in num_classes
        )
        # Label vectors of all tasks, concatenated.
        self.labels = nn.Linear(
            config["label_embedding_dim"], sum(num_classes), bias=False
        )
        self._label_counts = num_classes
        self.start()

    def forward(self, groups: list[dict], at_once: bool) -> torch.Tensor:
        """Computes the sum of the groups' losses, as `AspMtl` does."""
        if at_once:
            sizes = [len(group["labels"]) for group in groups]
            features = self._features(_join(groups)).split(sizes)
        else:
            features = map(self._features, groups)
        return sum(map(self._loss, groups, features))

    def computed(self, groups: list[dict], at_once: bool) -> int:
        """Counts the tokens of NumPy groups, those of seq2 with padding."""
        seq2 = [{k: x for k, x in g.items() if "seq1" not in k} for g in groups]
        padding = groups_lib.padded_tokens(seq2, at_once) - groups_lib.tokens(
            seq2
        )
        return groups_lib.tokens(groups) + padding

    def _features(self, texts):
        read = [
            (self.embedding(texts[tokens]), texts[lengths])
            for tokens, lengths in groups_lib.LENGTHS.items()
        ]
        (seq2, lengths), (seq1, seq1_lengths) = read
        backwards = [_reverse(*sequence) for sequence in read]
        start = _end(self.seq1[0], seq1, seq1_lengths)
        forward = self.last_state(self.seq2[0], seq2, lengths, start)
        start = _end(self.seq1[1], backwards[1], seq1_lengths)
        backward = self.last_state(self.seq2[1], backwards[0], lengths, start)
        means = [_mean(*sequence) for sequence in read]
        return torch.cat([forward, backward, *means], dim=1)

    def _loss(self, group, features):
        task = group["task_ids"]
        first = sum(self._label_counts[:task])
        hidden = torch.tanh(self.task_layers[task](features))
        scores = self.labels(hidden)[:, first:][:, : self._label_counts[task]]
        return functional.cross_entropy(scores, group["labels"])


def _reverse(vectors, lengths):
    """Reverses each text; its padding becomes arbitrary."""
    places = lengths[:, None] - 1 - torch.arange(vectors.shape[1])
    places = places.clamp(min=0)[..., None].expand_as(vectors)
    return vectors.gather(1, places)


def _mean(vectors, lengths):
    """Averages over the tokens of each text; returns [batch, dim]."""
    mask = torch.arange(vectors.shape[1]) < lengths[:, None]
    return (vectors * mask[..., None]).sum(1) / lengths[:, None]


def _join(groups):
    """Joins groups into one, padded to the longest text."""
    joined = {}
    for tokens, lengths in groups_lib.LENGTHS.items():
        if tokens in groups[0]:
            longest = max(group[tokens].shape[1] for group in groups)
            joined[lengths] = torch.cat([group[lengths] for group in groups])
            joined[tokens] = torch.cat(
                [
                    functional.pad(
                        group[tokens], (0, longest - group[tokens].shape[1])
                    )
                    for group in groups
                ]
            )
    return joined


class Contender:
    """Contender in PyTorch, see `contenders`; a variant is `STEP/SEQUENCES`.

    STEP: `task`, an optimizer step for each group; `joint`, one for all, which
    shared LSTMs read one after the other; `joint_at_once`, all texts together.
    SEQUENCES: `padded`, to the longest text of the group, and the state at the
    last token of each is picked; `packed`, by `pack_padded_sequence`.
    """

    def __init__(self, problem: dict, variant: str):
        torch.set_num_threads(os.cpu_count())
        self._step, sequences = variant.split("/")
        self._packed = sequences == "packed"
        self._bfloat16 = problem["precision"] == "bfloat16"
        self.model = MODELS[problem["model"]](problem, self._packed)
        rate = problem["config"]["learning_rate"]
        table = self.model.embedding.weight
        dense = [w for w in self.model.parameters() if w is not table]
        self._optimizers = [torch.optim.Adam(dense, rate, fused=True)]
        if table.requires_grad:
            self._optimizers.append(torch.optim.SparseAdam([table], rate))

    def convert(self, groups: list[dict]) -> list[dict]:
        """Converts groups to tensors, before the clock starts."""
        return [
            {
                name: int(array)
                if name == "task_ids"
                else torch.from_numpy(array.astype(np.int64))
                for name, array in group.items()
            }
            for group in groups
        ]

    def step(self, groups: list[dict]) -> float:
        """Trains on groups; returns the sum of their losses."""
        if self._step != "task_ids":
            return self._update(groups)
        return sum(self._update([group]) for group in groups)

    def loss(self, groups: list[dict]) -> torch.Tensor:
        """Computes the sum of the losses of groups, for one backward pass."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self._bfloat16):
            return self.model(groups, self._step == "joint_at_once")

    def computed(self, groups: list[dict]) -> int:
        """Counts tokens that LSTMs read, with padding; the mean over LSTMs."""
        if self._packed:
            return groups_lib.tokens(groups)
        return self.model.computed(groups, self._step == "joint_at_once")

    def _update(self, groups):
        loss = self.loss(groups)
        for optimizer in self._optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for optimizer in self._optimizers:
            optimizer.step()
        return loss.item()


MODELS = {"asp_mtl": AspMtl, "conditional_lel": ConditionalLel}
