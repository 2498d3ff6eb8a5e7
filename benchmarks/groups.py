"""Batches as the peers get them: groups, each cut to its own longest text.

NumPy alone, so that a process that measures PyTorch holds no TensorFlow.
"""

import collections

import numpy as np

Group = dict[str, np.ndarray]

# Where the lengths of a group's sequences stand, by where its tokens do.
LENGTHS = {"token_ids": "lengths", "seq1": "seq1_lengths"}


def read(path: str) -> list[list[Group]]:
    """The groups of each step, as `corpora.write_batches` wrote the batches.

    A group has what a batch has, without the leading axis: `tokens` int32
    [batch, time], `lengths` int32 [batch], `task` an int32, `labels` int32
    [batch], and `seq1` and `seq1_lengths` where sequences are read apart.
    """
    steps = collections.defaultdict(dict)
    with np.load(path) as file:
        for key in file:
            step, name = key.split("/")
            steps[int(step)][name] = file[key]
    return [split(steps[step]) for step in sorted(steps)]


def split(batch: dict[str, np.ndarray]) -> list[Group]:
    """The groups of a batch, each padded to its own longest text alone."""
    groups = []
    for number in range(len(batch["task_ids"])):
        group = {name: array[number] for name, array in batch.items()}
        for tokens, lengths in LENGTHS.items():
            if tokens in group:
                longest = group[lengths].max()
                group[tokens] = np.ascontiguousarray(group[tokens][:, :longest])
        groups.append(group)
    return groups


def tokens(groups: list[Group]) -> int:
    """Tokens of the texts of the groups, without padding."""
    return sum(
        int(group[lengths].sum())
        for group in groups
        for lengths in LENGTHS.values()
        if lengths in group
    )


def padded_tokens(groups: list[Group], together: bool = False) -> int:
    """The same with padding, to the longest text of the group.

    Args:
      groups: groups.
      together: pad to the longest text of all groups.
    """
    padded = 0
    for name in LENGTHS:
        shapes = np.array([g[name].shape for g in groups if name in g])
        if len(shapes):
            rows, times = shapes.T
            times = np.full_like(times, times.max()) if together else times
            padded += int(rows @ times)
    return padded
