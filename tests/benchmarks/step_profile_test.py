import collections

import pytest

from benchmarks import step_profile


def test_nested_operations_are_not_counted_twice():
    second = 10**12
    events = [
        (0, 10 * second, "Executor::Process"),
        (1 * second, 3 * second, "while/MatMul:_MklMatMul"),
        (2 * second, 1 * second, "inner#of=a:b#"),
        (5 * second, 2 * second, "while/add:AddV2"),
        # After the first one has ended.
        (10 * second, 4 * second, "MatMul_1:_MklMatMul"),
    ]
    times = step_profile.own_times(reversed(events))
    assert times == {"Process": 5, "_MklMatMul": 2 + 4, "inner": 1, "AddV2": 2}


def test_shares_exclude_waiting():
    times = collections.Counter(
        {"_MklMatMul": 6.0, "ConcatV2": 2.0, "SplitV": 1.0, "Run": 50.0}
    )
    times["Softmax"] = 1.0
    assert step_profile.table(times).splitlines()[2:] == [
        "| matrix products | 60.0% | MatMul 60.0% |",
        "| copies | 30.0% | ConcatV2 20.0%, SplitV 10.0% |",
        "| other | 10.0% | Softmax 10.0% |",
    ]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("_MklBatchMatMulV2", "matrix products"),
        ("LSTMBlockCellGrad", "gates and states"),
        ("TensorListConcatV2", "copies"),
        ("UnsortedSegmentSum", "sums of sparse gradients"),
    ],
)
def test_kinds(name, kind):
    line = step_profile.table(collections.Counter({name: 1.0})).splitlines()[2]
    assert line.startswith(f"| {kind} | 100.0% |")
