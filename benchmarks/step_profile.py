"""Profile of a training step, by kind of operation.

    python -m benchmarks.step_profile --data_dir=DATA/fdu_mtl

Steps of ASP-MTL run under TensorFlow's profiler, on one thread, so that
operations do not compete. Operations that it does not trace separately (the
smallest ones, and the executor) share a line.
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
    "small operations and executor": ("Process",),
    "sums of sparse gradients": ("Unique", "UnsortedSegmentSum"),
}
OTHER = "other"
# The caller waits for the step in these.
_WAITS = ("Run", "FunctionRun", "ExecutorDoneCallback")

# Start and duration of an operation in picoseconds, and its name.
Event = tuple[int, int, str]


def main(arguments: list[str] | None = None) -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data_dir", default="", help="Prepared corpus.")
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
        # In a new process: threads are set before TensorFlow's first op.
        times = own_process.call(measure, problem, options.steps, folder)
    print(table(times))


def measure(problem: dict, steps: int, log_dir: str) -> dict[str, float]:
    """Measures seconds by type of operation.

    Args:
      problem: output of `problems.describe`.
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
    """Sums seconds by type of operation, without nested operations."""
    times, open_ = collections.Counter(), []
    for start, duration, name in sorted(events, key=lambda e: (e[0], -e[1])):
        while open_ and start >= open_[-1][0]:
            open_.pop()
        # Names of operations are NAME:TYPE, or CLASS::METHOD#details#.
        kind = name.split("#")[0].rsplit(":", 1)[-1]
        if open_:
            times[open_[-1][1]] -= duration / 1e12
        times[kind] += duration / 1e12
        open_.append((start + duration, kind))
    return times


def table(times: Mapping[str, float]) -> str:
    """Formats shares by kind in Markdown, sorted."""
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
    for kind, types in KINDS.items():
        if any(op_type in name for op_type in types):
            return kind
    return OTHER


if __name__ == "__main__":
    main()
