import pytest

from benchmarks import throughput_table

RATES = [
    {
        "numpy": {"float32": 100e9},
        "torch": {"float32": 150e9, "bfloat16": 300e9},
    },
    # The machine had more time for it here.
    {"numpy": {"float32": 200e9}, "torch": {"float32": 160e9, "bfloat16": 1e9}},
]


def contender(seconds, computed=1250, **others):
    """Epochs of 1,000 tokens."""
    return {
        "variant": "its way",
        "first_step_seconds": 1.25,
        "warm_up": {},
        "epochs": [
            {
                "seconds": x,
                "loss": 7.0,
                "tokens": 1000,
                "computed": computed,
                "peak_mb": 1234.0,
            }
            for x in seconds
        ],
        **others,
    }


MEASUREMENT = {
    "model": "asp_mtl",
    "embedding_dim": 50,
    "hidden_size": 100,
    "steps": 86,
    "flops_of_token": 2_000_000,
    "contenders": {
        "this_project": contender([0.1, 0.2, 0.1], computed=1000),
        # Round by round 2, 3 and 4 times as slow; by medians 3 times.
        "pytorch": contender([0.2, 0.6, 0.4]),
    },
}


def rows(measurement):
    lines = throughput_table.describe(measurement, RATES).splitlines()
    table = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if line.startswith("|")
    ]
    return lines, table


def test_the_limit_is_the_best_rate_of_all():
    assert throughput_table.best_rate(RATES, "float32") == (200e9, "numpy")
    assert throughput_table.best_rate(RATES, "bfloat16") == (300e9, "torch")
    lines, _ = rows(MEASUREMENT)
    # 200e9 operations a second, 2e6 a token.
    assert (
        "limit: 100,000 tokens/s (200 GFLOP/s in float32 by numpy" in lines[2]
    )
    assert "torch reaches 300 GFLOP/s" in lines[2]


def test_table_has_a_row_for_each_contender():
    _, (head, rule, ours, peer) = rows(MEASUREMENT)
    assert len(head) == len(rule) == len(ours) == len(peer)
    assert ours == [
        "this_project its way",
        "10,000 (5,000-10,000)",
        "",
        "10.0%",
        "0.0%",
        "1,234",
        "1.2 s",
        "7.00",
    ]
    assert peer[1:5] == [
        "2,500 (1,667-5,000)",
        "3.00 (2.00-4.00)",
        "2.5%",
        "20.0%",
    ]


def test_no_ratio_without_this_project():
    contenders = {"pytorch": MEASUREMENT["contenders"]["pytorch"]}
    _, (*_, row) = rows(MEASUREMENT | {"contenders": contenders})
    assert row[2] == ""


def test_the_machine_and_the_versions():
    actual = {
        "machine": {
            "processor": "A chip",
            "cores": 2,
            "memory_gb": 25.3,
            "system": "Linux",
            "python": "3.11.7",
        },
        "versions": {"torch": "2.9", "numpy": "2.4"},
    }
    assert throughput_table.describe_machine(actual) == (
        "A chip, 2 cores, 25.3 GB, Linux\nPython 3.11.7, torch 2.9, numpy 2.4"
    )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
