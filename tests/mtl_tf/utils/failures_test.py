import errno
import os
import signal

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.utils import failures
from mtl_tf.utils import interruption

AGAIN = "free some, then run the same command again"


def os_error(code, path=None):
    arguments = (path,) if path else ()
    return OSError(code, os.strerror(code), *arguments)


def tf_error(kind, words):
    """An error of a file, as TensorFlow words it."""
    message = (
        "{{function_node __wrapped__SaveV2_dtypes_1_device_/job:localhost}} "
        f"runs/a/checkpoints/last/ckpt-6_temp/part-00000; {words} [Op:SaveV2]"
    )
    return kind(None, None, message)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("what was wrong"), "what was wrong"),
        (
            os_error(errno.ENOENT, "x"),
            "[Errno 2] No such file or directory: 'x'",
        ),
        # A disk of the run, or another one.
        (
            os_error(errno.ENOSPC, "runs/a/results.json"),
            f"no space left in runs/a: {AGAIN}",
        ),
        (
            os_error(errno.ENOSPC, "/other/b/answers.jsonl"),
            f"no space left in /other/b: {AGAIN}",
        ),
        # A copy.
        (
            OSError(errno.ENOSPC, "No space left", "data/x", None, "runs/a/x"),
            f"no space left in runs/a: {AGAIN}",
        ),
        (os_error(errno.ENOSPC), f"no space left in runs/a: {AGAIN}"),
        (os_error(errno.EDQUOT), f"quota exceeded in runs/a: {AGAIN}"),
        (
            tf_error(
                tf.errors.ResourceExhaustedError, "No space left on device"
            ),
            f"no space left in runs/a: {AGAIN}",
        ),
        (
            tf_error(tf.errors.ResourceExhaustedError, "Disk quota exceeded"),
            f"quota exceeded in runs/a: {AGAIN}",
        ),
        # What else TensorFlow says of files.
        (
            tf_error(tf.errors.ResourceExhaustedError, "Too many open files"),
            "runs/a/checkpoints/last/ckpt-6_temp/part-00000: Too many open "
            "files",
        ),
        (
            tf_error(tf.errors.PermissionDeniedError, "Permission denied"),
            "runs/a/checkpoints/last/ckpt-6_temp/part-00000: Permission denied",
        ),
        (
            tf.errors.ResourceExhaustedError(
                None, None, "OOM when allocating tensor\nwith shape[9]"
            ),
            "out of memory: OOM when allocating tensor\nLower --max_tokens, "
            "--batch_size or --hidden_size; see docs/faq.md",
        ),
        (
            MemoryError("Unable to allocate"),
            "out of memory: Unable to allocate",
        ),
    ],
)
def test_messages(error, message, capsys):
    assert failures.report("mtl_tf", error, "runs/a") == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"mtl_tf: {message}\n")


@pytest.mark.parametrize(
    "error",
    [
        KeyError("a fault"),
        tf.errors.InvalidArgumentError(None, None, "shapes differ"),
        SystemExit(3),
    ],
)
def test_bugs_are_raised(error, capsys):
    with pytest.raises(type(error)) as caught:
        failures.report("mtl_tf", error)
    assert caught.value is error
    assert capsys.readouterr().err == ""


def write_numpy():
    with open("/dev/full", "wb") as file:
        np.save(file, np.zeros(1 << 16))


def write_text():
    with open("/dev/full", "w", encoding="utf-8") as file:
        file.write("text")


def write_tensorflow():
    tf.io.write_file("/dev/full", "text" * 10000)


@pytest.mark.skipif(
    not os.path.exists("/dev/full"), reason="there is no /dev/full"
)
@pytest.mark.parametrize("write", [write_numpy, write_text, write_tensorflow])
def test_errors_of_a_full_device(write):
    """The libraries' own errors, whatever they are."""
    with pytest.raises((OSError, tf.errors.OpError)) as caught:
        write()
    # TensorFlow's is the only one that names the file.
    folder = "/dev" if write is write_tensorflow else "runs/a"
    assert failures.describe(caught.value, "runs/a") == (
        f"no space left in {folder}: {AGAIN}"
    )


def test_full_disk_at_standard_output():
    assert failures.describe(os_error(errno.ENOSPC)) == (
        f"no space left for standard output: {AGAIN}"
    )


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (
            interruption.Interrupted(signal.SIGTERM),
            143,
            "interrupted (SIGTERM): run the same command again",
        ),
        (
            KeyboardInterrupt(),
            130,
            "interrupted (SIGINT): run the same command again",
        ),
    ],
)
def test_interruptions(error, status, message, capsys):
    assert failures.report("data_prep", error) == status
    assert capsys.readouterr().err == f"data_prep: {message}\n"
    error.add_note("nothing is lost")
    failures.report("data_prep", error)
    assert capsys.readouterr().err.endswith("): nothing is lost\n")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
