"""Where the time of a training step goes, by kind of operation.

    python -m benchmarks.step_profile --data_dir=DATA/fdu_mtl

Steps of ASP-MTL run under TensorFlow's profiler, on one thread, so that an
operation's time is its own. What it does not trace one by one (the smallest
operations, and what runs them) stands together in one line.
"""

import argparse
import collections
import glob
import os
import tempfile
from collections.abc import Iterable, Mapping

import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from benchmarks import corpora
from benchmarks import own_process
from benchmarks import problems
from benchmarks.contenders import this_project

KINDS = {
    "matrix products": ("MatMul", "Einsum"),
    "gates and states": ("Sigmoid", "Tanh", "Mul", "Add", "LSTMBlockCellGrad"),
    "copies": (
        *("Concat", "Split", "Gather", "Slice", "Pad", "Pack", "Stack"),
        *("Transpose", "Scatter", "Cast", "Tile", "BroadcastTo"),
    ),
    "small operations, and what runs them": ("Process",),
    "sums of sparse gradients": ("Unique", "UnsortedSegmentSum"),
}
OTHER = "the rest"
# The caller's wait for the step is no work.
_WAITS = ("Run", "FunctionRun", "ExecutorDoneCallback")

# Of an operation: its begin and length in picoseconds, and its name.
Event = tuple[int, int, str]


def main(arguments: list[str] | None = None) -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data_dir", default="", help="A prepared corpus.")
    parser.add_argument("--embedding_dim", type=int, default=50)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--steps", type=int, default=16)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        data_dir = options.data_dir or os.path.join(folder, "corpus")
        if not options.data_dir:
            corpora.generate(data_dir, problems.GENERATED["asp_mtl"])
        config = problems.make_config(
            "asp_mtl",
            embedding_dim=options.embedding_dim,
            data_dir=data_dir,
            threads=1,
        )
        problem = problems.describe(
            "asp_mtl", config, corpora.Training(config), options.precision
        )
        # Of its own, since threads are set before TensorFlow's first op.
        times = own_process.call(measure, problem, options.steps, folder)
    print(table(times))


def measure(problem: dict, steps: int, log_dir: str) -> dict[str, float]:
    """Seconds by type of operation.

    Args:
      problem: as `problems.describe` has it.
      steps: number of steps.
      log_dir: folder for the trace.
    """
    contender = this_project.Contender(problem, "")
    contender.epoch(steps)
    with tf.profiler.experimental.Profile(log_dir):
        contender.epoch(steps)
    (path,) = glob.glob(f"{log_dir}/**/*.xplane.pb", recursive=True)
    space = xplane_pb2.XSpace()
    with open(path, "rb") as file:
        space.ParseFromString(file.read())
    times = collections.Counter()
    for plane in space.planes:
        if plane.name == "/host:CPU":
            for line in plane.lines:
                times.update(own_times(_events(plane, line)))
    return dict(times)


def _events(plane, line) -> list[Event]:
    names = plane.event_metadata
    return [
        (event.offset_ps, event.duration_ps, names[event.metadata_id].name)
        for event in line.events
    ]


def own_times(events: Iterable[Event]) -> collections.Counter:
    """Seconds by type of operation, without what ran inside of each."""
    times, open_ = collections.Counter(), []
    for begin, length, name in sorted(events, key=lambda e: (e[0], -e[1])):
        while open_ and begin >= open_[-1][0]:
            open_.pop()
        # An operation is called NAME:TYPE, or CLASS::METHOD#details#.
        kind = name.split("#")[0].rsplit(":", 1)[-1]
        if open_:
            times[open_[-1][1]] -= length / 1e12
        times[kind] += length / 1e12
        open_.append((begin + length, kind))
    return times


def table(times: Mapping[str, float]) -> str:
    """Shares by kind, the greatest first, in Markdown."""
    by_kind = collections.defaultdict(collections.Counter)
    for name, seconds in times.items():
        if name not in _WAITS:
            by_kind[_kind(name)][name.removeprefix("_Mkl")] += seconds
    total = sum(sum(counter.values()) for counter in by_kind.values())
    lines = ["| kind | share | most of it |", "|---|---|---|"]
    for kind, counter in sorted(
        by_kind.items(), key=lambda item: -sum(item[1].values())
    ):
        most = ", ".join(
            f"{name} {seconds / total:.1%}"
            for name, seconds in counter.most_common(3)
        )
        share = sum(counter.values()) / total
        lines.append(f"| {kind} | {share:.1%} | {most} |")
    return "\n".join(lines)


def _kind(name):
    for kind, parts in KINDS.items():
        if any(part in name for part in parts):
            return kind
    return OTHER


if __name__ == "__main__":
    main()
