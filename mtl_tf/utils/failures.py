"""Reports of failures: a line for the user, and an exit status."""

import errno
import os
import re
import signal
import sys

from absl import logging

from mtl_tf.utils import display_names
from mtl_tf.utils import files

# Errors of the operating system. TensorFlow puts their text into its own
# errors, whose class is less precise: a full disk is a ResourceExhaustedError.
_REFUSALS = (
    *files.NO_SPACE,
    errno.EMFILE,
    errno.ENFILE,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
)
# NumPy's message for a full disk.
_SHORT_WRITE = re.compile(r"\d+ requested and \d+ written")


def report(program: str, error: BaseException, folder: str = "") -> int:
    """Prints an error on standard error.

    Args:
      program: name of the program, at the start of the line.
      error: the exception that ends the program.
      folder: the output directory; empty for standard output.

    Returns:
      The exit status.

    Raises:
      BaseException: the error itself, if it is a bug of the program.
    """
    if isinstance(error, KeyboardInterrupt):
        number = getattr(error, "number", signal.SIGINT)
        notes = getattr(error, "__notes__", ["run the same command again"])
        name = signal.Signals(number).name
        _print(f"{program}: interrupted ({name}): {'; '.join(notes)}")
        return 128 + number
    if isinstance(error, BrokenPipeError):
        # The reader of the output, such as `head`, has closed the pipe. Python
        # would print an error when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    message = describe(error, folder)
    if message is None:
        raise error
    logging.debug("traceback", exc_info=error)
    # Names of files and labels may have any character.
    shown = display_names.visible(message, keep="\n")
    _print(f"{program}: {shown}")
    return 1


def describe(error: BaseException, folder: str = "") -> str | None:
    """Returns the message of an error that a user can resolve.

    Args:
      error: the error.
      folder: the output directory; empty for standard output.

    Returns:
      The message; None if the error is a bug of the program.
    """
    is_of_tensorflow = _is_of_tensorflow(error)
    if not is_of_tensorflow and not isinstance(
        error,
        ValueError | FloatingPointError | OSError | ImportError | MemoryError,
    ):
        return None
    code, path = _refusal(error, is_of_tensorflow)
    if code in files.NO_SPACE:
        what = "no space left" if code == errno.ENOSPC else "quota exceeded"
        return (
            f"{what} {_location(path, folder)}: free some, then run the "
            "same command again"
        )
    if is_of_tensorflow and code is not None:
        return f"{path}: {os.strerror(code)}"
    if type(error).__name__ == "ResourceExhaustedError":
        return (
            f"out of memory: {str(error).splitlines()[0]}\nLower "
            "--max_tokens, --batch_size or --hidden_size; see docs/faq.md"
        )
    if isinstance(error, MemoryError):
        return f"out of memory: {error}"
    return None if is_of_tensorflow else str(error)


def _is_of_tensorflow(error):
    # Importing TensorFlow only for this check would take seconds.
    tf = sys.modules.get("tensorflow")
    return tf is not None and isinstance(error, tf.errors.OpError)


def _refusal(error, is_of_tensorflow):
    """Returns the system's error code and the path, or None and ""."""
    if is_of_tensorflow:
        for code in _REFUSALS:
            before, text, _ = error.message.partition(os.strerror(code))
            if text:
                # {{function_node NAME}} PATH; TEXT [Op:NAME]
                return code, before.rpartition("}} ")[2].removesuffix("; ")
        return None, ""
    if isinstance(error, OSError):
        if error.errno is None and _SHORT_WRITE.search(str(error)):
            return errno.ENOSPC, ""
        # A copy has two paths; the second one is written to.
        path = error.filename2 or error.filename or ""
        return error.errno, os.fsdecode(path)
    return None, ""


def _location(path, folder):
    """Describes where there is no space, by the user's own path if possible."""
    if not path:
        return f"in {folder}" if folder else "for standard output"
    path = os.path.realpath(path)
    if folder and path.startswith(os.path.realpath(folder) + os.sep):
        return f"in {folder}"
    return f"in {os.path.dirname(path)}"


def _print(line):
    print(line, file=sys.stderr, flush=True)
