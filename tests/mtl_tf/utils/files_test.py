import concurrent.futures
import errno
import os

import pytest

from mtl_tf.utils import files
from tests.helpers import full_disk


def write(path, text):
    with files.atomic_write(str(path)) as file:
        file.write(text)


@pytest.mark.parametrize("absolute", [True, False])
def test_links_are_resolved(tmp_path, absolute):
    (tmp_path / "disk" / "corpus").mkdir(parents=True)
    target = tmp_path / "disk" / "corpus" if absolute else "disk/corpus"
    (tmp_path / "link").symlink_to(target)
    (tmp_path / "second").symlink_to("link")
    for name in ("disk/corpus", "link", "second"):
        index = files.resolve(str(tmp_path / name))
        assert index == str(tmp_path / "disk" / "corpus")
        new = files.resolve(str(tmp_path / name / "a" / "b"))
        assert new == str(tmp_path / "disk" / "corpus" / "a" / "b")


def test_link_to_a_missing_target(tmp_path):
    (tmp_path / "disk").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "disk" / "new")
    assert files.resolve(str(link)) == str(tmp_path / "disk" / "new")
    assert files.resolve(f"{link}/run") == str(tmp_path / "disk" / "new/run")


def test_broken_links_are_refused(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "unmounted" / "corpus")
    for path in (link, link / "run"):
        with pytest.raises(ValueError, match=r".") as caught:
            files.resolve(str(path))
        assert str(caught.value) == (
            f"{link} is a link to {tmp_path}/unmounted/corpus, and there is "
            f"no folder {tmp_path}/unmounted"
        )
    circle = tmp_path / "circle"
    circle.symlink_to("circle")
    with pytest.raises(ValueError, match="circle is a link that leads to itse"):
        files.resolve(str(circle))


def fail_halfway(path):
    with files.atomic_write(str(path)) as file:
        file.write("half")
        file.flush()
        assert path.read_text() == "old"
        raise KeyError


def test_file_is_replaced_atomically(tmp_path):
    path = tmp_path / "a" / "b.txt"
    write(path, "old")
    assert path.read_text() == "old"
    with pytest.raises(KeyError):
        fail_halfway(path)
    assert path.read_text() == "old"
    write(path, "new")
    assert path.read_text() == "new"
    assert os.listdir(path.parent) == ["b.txt"]


def test_bytes_are_written(tmp_path):
    path = tmp_path / "picture"
    with files.atomic_write(str(path), binary=True) as file:
        file.write(b"\xff\n")
    assert path.read_bytes() == b"\xff\n"
    assert os.listdir(tmp_path) == ["picture"]


@pytest.mark.parametrize("exists", [True, False])
def test_a_file_is_written_through_a_link(tmp_path, exists):
    (tmp_path / "disk").mkdir()
    target = tmp_path / "disk" / "target.json"
    if exists:
        target.write_text("old")
    link = tmp_path / "link.json"
    link.symlink_to("disk/target.json")
    write(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert sorted(os.listdir(tmp_path)) == ["disk", "link.json"]
    assert os.listdir(tmp_path / "disk") == ["target.json"]


def test_a_pipe_is_written_to(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    link = tmp_path / "link"
    link.symlink_to("pipe")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for path in (pipe, link):
            actual = pool.submit(pipe.read_text)
            write(path, "text")
            assert actual.result(10) == "text"
    assert sorted(os.listdir(tmp_path)) == ["link", "pipe"]


def test_directory_is_refused(tmp_path):
    with pytest.raises(ValueError, match="is a directory, not a file"):
        write(tmp_path, "")
    assert os.listdir(tmp_path) == []


def make_folder(path, name):
    path.mkdir(parents=True)
    (path / name).touch()
    return str(path)


@pytest.mark.parametrize("leftover", [None, "folder", "link"])
def test_a_folder_is_replaced(tmp_path, leftover):
    old = make_folder(tmp_path / "corpus", "old")
    new = make_folder(tmp_path / "new", "new")
    # Of a process that was killed.
    if leftover == "folder":
        make_folder(tmp_path / ".corpus.old", "older")
    elif leftover == "link":
        (tmp_path / ".corpus.old").symlink_to("elsewhere")
    files.replace_folder(old, new)
    assert os.listdir(old) == ["new"]
    assert os.listdir(tmp_path) == ["corpus"]


def test_a_folder_that_cannot_be_replaced_stays(tmp_path):
    old = make_folder(tmp_path / "corpus", "old")
    with pytest.raises(FileNotFoundError):
        files.replace_folder(old, str(tmp_path / "missing"))
    assert os.listdir(old) == ["old"]
    assert os.listdir(tmp_path) == ["corpus"]


def test_writable_folders(tmp_path):
    assert files.why_not_writable(str(tmp_path)) == ""
    assert files.why_not_writable(str(tmp_path / "new" / "run")) == ""
    (tmp_path / "file").touch()
    for path in ("file", "file/run"):
        reason = files.why_not_writable(str(tmp_path / path))
        assert reason == f"{tmp_path}/file is a file"


def test_missing_permissions(tmp_path, monkeypatch):
    # They do not bind root.
    monkeypatch.setattr(files.os, "access", lambda path, mode: False)
    assert files.why_not_writable(str(tmp_path / "run")) == (
        f"{tmp_path} cannot be written to: permission denied"
    )


def test_read_only_folders(tmp_path):
    with full_disk.read_only(tmp_path):
        actual = files.why_not_writable(str(tmp_path / "run"))
    assert actual in (
        f"{tmp_path} is read-only",
        f"{tmp_path} cannot be written to: permission denied",
    )


def test_space(tmp_path):
    files.check_space(str(tmp_path))
    assert os.listdir(tmp_path) == []
    with full_disk.small(tmp_path / "disk", "8k") as disk:
        with pytest.raises(OSError, match="No space left") as caught:
            files.check_space(str(disk))
        assert caught.value.errno == errno.ENOSPC
        assert os.path.dirname(caught.value.filename) == str(disk)
        # So does a file, which then is not there.
        with pytest.raises(OSError, match="No space left") as caught:
            write(disk / "large", "x" * 10000)
        assert caught.value.filename == str(disk / "large")
        assert os.listdir(disk) == []


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
