"""How a command ends when something fails: a line for its user, a status."""

import errno
import os
import re
import signal
import sys

from absl import logging

from mtl_tf.utils import display_names
from mtl_tf.utils import files

# What the system may refuse. TensorFlow puts its words into its own errors,
# whose class says less: a full disk is one of too little memory.
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
# How NumPy says that a disk is full.
_SHORT_WRITE = re.compile(r"\d+ requested and \d+ written")


def report(program: str, error: BaseException, folder: str = "") -> int:
    """Prints what went wrong on standard error.

    Args:
      program: name of the program, in front of what it prints.
      error: the exception that ends it.
      folder: the directory that it writes to; nothing for standard output.

    Returns:
      The exit status.

    Raises:
      BaseException: the error itself, if it is a fault of the program.
    """
    if isinstance(error, KeyboardInterrupt):
        number = getattr(error, "number", signal.SIGINT)
        advice = getattr(error, "advice", "give the same command again")
        name = signal.Signals(number).name
        _print(f"{program}: interrupted ({name}): {advice}")
        return 128 + number
    if isinstance(error, BrokenPipeError):
        # Whoever read the answers has enough of them. Python would complain
        # once more as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    message = describe(error, folder)
    if message is None:
        raise error
    logging.debug("where it came from", exc_info=error)
    # Names of files and labels may hold any character.
    shown = display_names.visible(message, keep="\n")
    _print(f"{program}: {shown}")
    return 1


def describe(error: BaseException, folder: str = "") -> str | None:
    """Returns the message of an error that a user can mend.

    Args:
      error: the error.
      folder: the directory that is written to; nothing for standard output.

    Returns:
      The message; None if the error is a fault of the program.
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
            f"{what} {_place(path, folder)}: free some, then give the same "
            "command again"
        )
    if is_of_tensorflow and code is not None:
        return f"{path}: {os.strerror(code)}"
    if type(error).__name__ == "ResourceExhaustedError":
        return (
            f"out of memory: {error.message.splitlines()[0]}\nLower "
            "--max_tokens, --batch_size or --hidden_size; docs/faq.md says more"
        )
    if isinstance(error, MemoryError):
        return f"out of memory: {error}"
    return None if is_of_tensorflow else str(error)


def _is_of_tensorflow(error):
    # Not imported for this: it takes seconds, and need not be there yet.
    tf = sys.modules.get("tensorflow")
    return tf is not None and isinstance(error, tf.errors.OpError)


def _refusal(error, is_of_tensorflow):
    """Returns the code of what the system refused and the path, or None, ""."""
    if is_of_tensorflow:
        for code in _REFUSALS:
            before, words, _ = error.message.partition(os.strerror(code))
            if words:
                # {{function_node NAME}} PATH; WORDS [Op:NAME]
                return code, before.rpartition("}} ")[2].removesuffix("; ")
        return None, ""
    if isinstance(error, OSError):
        if error.errno is None and _SHORT_WRITE.search(str(error)):
            return errno.ENOSPC, ""
        # A copy has two files: the second is the one that is written.
        path = error.filename2 or error.filename or ""
        return error.errno, os.fsdecode(path)
    return None, ""


def _place(path, folder):
    """Returns where there is no space, in the words of the user if possible."""
    if not path:
        return f"in {folder}" if folder else "for standard output"
    path = os.path.realpath(path)
    if folder and path.startswith(os.path.realpath(folder) + os.sep):
        return f"in {folder}"
    return f"in {os.path.dirname(path)}"


def _print(line):
    print(line, file=sys.stderr, flush=True)
