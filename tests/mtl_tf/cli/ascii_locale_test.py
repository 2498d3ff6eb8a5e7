"""Labels that are not ASCII, where the terminal is."""

import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from mtl_tf.config import command as command_lib
from mtl_tf.data import tasks
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.serving import batch_prediction

_ASCII = {
    "LC_ALL": "C",
    "PYTHONUTF8": "0",
    "PYTHONIOENCODING": "ascii",
    "PYTHONCOERCECLOCALE": "0",
}
_TASKS = """\
[tasks.mood]
labels = ["schön", "häßlich"]
file = "mood.tsv"
split = {dev = 0.25, test = 0.25}
"""


def call(folder, module, *arguments):
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        encoding="ascii",
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **_ASCII},
    )


@pytest.mark.slow
def test_from_files_to_predictions(tmp_path):
    (tmp_path / "tasks.toml").write_text(_TASKS, encoding="utf-8")
    rows = [f"Größe {i}\t{('schön', 'häßlich')[i % 2]}" for i in range(24)]
    (tmp_path / "mood.tsv").write_text(
        "\n".join(["text\tlabel", *rows]), encoding="utf-8"
    )
    # The comments of a preset are not ASCII either.
    (tmp_path / "model.flags").write_text(
        "# λ\n--encoder=bag_of_words\n--pooling=max\n--hidden_size=2\n",
        encoding="utf-8",
    )
    prepared = call(
        tmp_path,
        "data_prep.main",
        *("--corpus=custom", "--task_file=tasks.toml", "--out_dir=data"),
        "--inspect",
    )
    assert prepared.returncode == 0, prepared.stderr
    assert "sch\\xf6n" in prepared.stdout
    trained = call(
        tmp_path,
        "mtl_tf.main",
        *("--data_dir=data", "--run_dir=run", "--flagfile=model.flags"),
        *("--embedding_dim=2", "--epochs=1", "--noexport"),
    )
    assert trained.returncode == 0, trained.stderr
    predicted = call(
        tmp_path,
        "mtl_tf.main",
        *("--mode=predict", "--run_dir=run", "--task=mood"),
        "--input=mood.tsv",
    )
    assert predicted.returncode == 0, predicted.stderr
    lines = [json.loads(line) for line in predicted.stdout.splitlines()]
    assert len(lines) == 24
    assert list(lines[0]["probabilities"]) == ["schön", "häßlich"]
    for done in (prepared, trained, predicted):
        assert "codec" not in done.stderr


@pytest.mark.parametrize("module", ["mtl_tf.main", "data_prep.main"])
def test_undecodable_argument_is_refused(tmp_path, module):
    done = call(tmp_path, module, "--corpus=custom", "--task_file=ü.toml")
    program = module.removesuffix(".main")
    assert done.returncode == 1
    assert done.stderr == (
        f"{program}: '--task_file=\\udcc3\\udcbc.toml' has characters that "
        "this locale cannot decode: set PYTHONUTF8=1, or LC_ALL=C.UTF-8\n"
    )


class Model:
    """Predicts the first of two labels."""

    def task(self, name, output):
        return tasks.Task(name, ("no", "yes"))

    def predict(self, name, texts, output):
        probabilities = np.tile([0.75, 0.25], (len(texts), 1))
        return predictions_lib.Predictions(
            self.task(name, output), probabilities
        )


@pytest.mark.parametrize(
    ("encoding", "expected"), [("ascii", "\\u00fc"), ("utf-8", "ü")]
)
def test_standard_output_of_any_encoding_has_json(
    tmp_path, monkeypatch, encoding, expected
):
    output = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", output)
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "a", "id": "ü"}\n', encoding="utf-8")
    batch_prediction.predict(
        Model(),
        command_lib.Command(
            mode="predict", task="mood", input=path, columns=("id:id",)
        ),
    )
    output.flush()
    said = output.buffer.getvalue().decode(encoding)
    assert f'"id": "{expected}"' in said
    assert json.loads(said)["id"] == "ü"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
