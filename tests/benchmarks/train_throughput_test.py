import json
import re
import subprocess

import pytest

from tests.helpers import generated
from tests.helpers import preloaded_python

# A process of its own: flags are defined by the import. Peers that train
# nothing stand in for those that take long to start.
CODE = """
from absl import app
from benchmarks import contenders, machine, train_throughput
machine.LIBRARIES = ("numpy", "no_such_library")
rates = train_throughput._rates
train_throughput._rates = lambda: {**rates(), "made_up": {"bfloat16": 1e9}}
fake = "tests.benchmarks.fake_contender"
contenders.ENTRIES |= {
    "pytorch": contenders.Entry(fake, variants=("slow", "fast")),
    "keras": contenders.Entry(fake, needs="no_such_package"),
}
app.run(train_throughput.main)
"""

pytestmark = pytest.mark.slow


def run(*arguments):
    return subprocess.run(
        [preloaded_python.executable(), "-c", CODE, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """What it printed, and what it wrote."""
    folder = tmp_path_factory.mktemp("throughput")
    data_dir = generated.write_corpus(str(folder / "corpus"))
    ended = run(
        f"--data_dir={data_dir}",
        f"--json={folder}/results.json",
        "--contenders=this_project,pytorch,keras",
        "--embedding_dim=3",
        "--rounds=2",
        "--steps=2",
        "--trial_steps=1",
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return ended.stdout, json.loads((folder / "results.json").read_text())


def test_contenders_take_turns(done):
    printed, actual = done
    assert re.findall(r"^round (\d), (\w+)", printed, re.MULTILINE) == [
        (index, name)
        for index in ("0", "1", "2")
        for name in ("this_project", "pytorch")
    ]
    (measurement,) = actual["measurements"]
    assert measurement["steps"] == 2
    for contender in measurement["contenders"].values():
        assert len(contender["epochs"]) == 2
        assert contender["first_step_seconds"] > 0


def test_all_train_on_the_same_texts(done):
    ours, peer = done[1]["measurements"][0]["contenders"].values()
    for mine, other in zip(ours["epochs"], peer["epochs"], strict=True):
        assert mine["tokens"] == other["tokens"] > 0
        assert mine["computed"] >= mine["tokens"]
    # Not on the same ones in each round.
    assert len({epoch["tokens"] for epoch in ours["epochs"]}) == 2


def test_the_fastest_variant_is_measured(done):
    printed, actual = done
    peer = actual["measurements"][0]["contenders"]["pytorch"]
    assert peer["variant"] == "fast"
    assert peer["trials"]["fast"] > peer["trials"]["slow"]
    assert "trial of pytorch, slow:" in printed
    # The fake's loss counts its steps: the first one, two a round, and none of
    # those of the trials.
    assert [x["loss"] for x in peer["epochs"]] == [4.5, 6.5]


def test_missing_library_is_skipped(done):
    printed, actual = done
    line = "keras is skipped: no_such_package is not installed"
    assert line in printed.splitlines()
    assert "keras" not in actual["measurements"][0]["contenders"]


def test_machine_and_versions_are_described(done):
    printed, actual = done
    assert actual["settings"]["rounds"] == 2
    assert actual["versions"]["numpy"]
    assert actual["machine"]["cores"] >= 1
    # Before, and after each word width.
    assert len(actual["rates"]) == 2
    assert actual["rates"][0]["numpy"]["float32"] > 1e7
    assert "no_such_library" not in actual["rates"][0]
    assert re.search(r"limit: [\d,]+ tokens/s", printed)
    assert re.search(r"^\| this_project ", printed, re.MULTILINE)


def test_unknown_contender_is_refused():
    ended = run("--contenders=pytroch")
    assert ended.returncode != 0
    assert "pytroch: not one of this_project" in ended.stderr + ended.stdout


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
