"""The command reproduction.main."""

import pytest

from tests.helpers import preloaded_python

_MODULE = "reproduction.main"


def test_the_missing_jobs_of_a_table(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- asp_mtl_table3 -->\n<!-- end of asp_mtl_table3 -->\n")
    done = preloaded_python.run(
        _MODULE,
        *("--table=asp_mtl_table3", "--list", f"--page={page}"),
        *("--data_dir=corpora", f"--runs_dir={tmp_path}/runs"),
    )
    assert done.returncode == 0, done.stderr
    *commands, blank, text = done.stdout.rstrip().splitlines()
    assert len(commands) == 8
    assert commands[0] == (
        "python -m mtl_tf.main --mode=leave_one_out --flagfile=preset:sp_mtl "
        "--max_tokens=200 --epochs=12 --patience=3 --seed=0 "
        "--held_out=books,dvd,electronics,kitchen_housewares --threads=1 "
        "--nopictures --noprogress --processes=1 --data_dir=corpora/fdu_mtl "
        f"--run_dir={tmp_path}/runs/asp_mtl_table3/sp_0"
    )
    assert (blank, text) == ("", "No job has ended yet.")
    assert text in page.read_text()
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--table=: expected one of asp_mtl_summary, "),
        (["--table=asp_table3"], "(did you mean asp_mtl_table3"),
        (["--table=asp_mtl_table3", "x"], "unexpected argument 'x'"),
        (["--table=asp_mtl_table3", "--processes=0"], "processes=0"),
        (
            ["--table=asp_mtl_table3", "--num_seeds=2"],
            "--num_seeds=2: asp_mtl_table3 has one seed",
        ),
        (
            ["--table=asp_mtl_table2", "--page=README.md"],
            "README.md lacks the lines <!-- asp_mtl_table2 -->",
        ),
        (
            ["--table=asp_mtl_table2", "--page=none.md"],
            "none.md",
        ),
    ],
)
def test_wrong_uses(arguments, message):
    done = preloaded_python.run(_MODULE, "--list", *arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
