"""The command data_prep.word_vectors."""

import pytest

from data_prep.corpora import synthetic
from data_prep.pipeline import prepare
from mtl_tf.data import pretrained_embeddings
from tests.helpers import preloaded_python

_MODULE = "data_prep.word_vectors"


def test_vectors_of_a_corpus(tmp_path):
    source = synthetic.make_source(20, 20, 0.0, seed=0)
    prepare.prepare(source, str(tmp_path / "data"), min_count=1)

    def words(*flags):
        output = tmp_path / "vectors.txt"
        done = preloaded_python.run(
            _MODULE,
            *(f"--data_dir={tmp_path}/data", f"--output={output}"),
            *("--dim=4", "--epochs=1", *flags),
        )
        assert done.returncode == 0, done.stderr
        assert "training word vectors on " in done.stderr
        # gensim's progress is not shown.
        assert "EPOCH" not in done.stderr
        first, *lines = output.read_text().splitlines()
        assert first == f"{len(lines)} 4"
        found = [line.split()[0] for line in lines]
        assert pretrained_embeddings.load(str(output), found).has_vector.all()
        return set(found)

    assert words("--nounlabeled") < words()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--data_dir is missing"),
        (["--data_dir=DIR"], "--output is missing"),
        (["--data_dir=DIR", "x"], "unexpected argument 'x'"),
        (
            ["--data_dir=DIR", "--output=DIR/v.txt"],
            "DIR holds no prepared corpus",
        ),
        (
            ["--data_dir=DIR", "--output=DIR/file/v.txt"],
            "--output=DIR/file/v.txt: DIR/file is a file",
        ),
        (["--data_dir=DIR", "--output=DIR/v", "--dim=0"], "dim=0"),
    ],
)
def test_wrong_uses(tmp_path, arguments, message):
    (tmp_path / "file").touch()
    done = preloaded_python.run(
        _MODULE, *(x.replace("DIR", str(tmp_path)) for x in arguments)
    )
    assert done.returncode == 1
    assert message.replace("DIR", str(tmp_path)) in done.stderr


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
