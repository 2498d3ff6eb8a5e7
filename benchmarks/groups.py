"""Batches for the peers, split by task and truncated to the longest text.

It needs NumPy alone, so that a process that measures PyTorch does not load
TensorFlow.
"""

import collections

import numpy as np

Group = dict[str, np.ndarray]

# Keys of the lengths of a group's sequences, by keys of their token ids.
LENGTHS = {"token_ids": "lengths", "seq1": "seq1_lengths"}


def read(path: str) -> list[list[Group]]:
    """Reads batches of `corpora.write_batches` as the groups of each step.

    A group has the keys of a batch, without the leading axis: `token_ids` int32
    [batch, seq_len], `lengths` int32 [batch], `task_ids` an int32, `labels`
    int32 [batch], and for a conditional encoder `seq1` and `seq1_lengths`.
    """
    steps = collections.defaultdict(dict)
    with np.load(path) as file:
        for key in file:
            step, name = key.split("/")
            steps[int(step)][name] = file[key]
    return [split(steps[step]) for step in sorted(steps)]


def split(batch: dict[str, np.ndarray]) -> list[Group]:
    """Splits a batch into groups, each padded to its own longest text."""
    groups = []
    for index in range(len(batch["task_ids"])):
        group = {name: array[index] for name, array in batch.items()}
        for tokens, lengths in LENGTHS.items():
            if tokens in group:
                longest = group[lengths].max()
                group[tokens] = np.ascontiguousarray(group[tokens][:, :longest])
        groups.append(group)
    return groups


def tokens(groups: list[Group]) -> int:
    """Counts the tokens of groups, without padding."""
    return sum(
        int(group[lengths].sum())
        for group in groups
        for lengths in LENGTHS.values()
        if lengths in group
    )


def padded_tokens(groups: list[Group], together: bool = False) -> int:
    """Counts the tokens of groups, with padding.

    Args:
      groups: groups.
      together: whether to pad to the longest text of all groups, instead of
        that of each group.
    """
    padded = 0
    for name in LENGTHS:
        shapes = np.array([g[name].shape for g in groups if name in g])
        if len(shapes):
            rows, seq_lens = shapes.T
            longest = np.full_like(seq_lens, seq_lens.max())
            seq_lens = longest if together else seq_lens
            padded += int(rows @ seq_lens)
    return padded
