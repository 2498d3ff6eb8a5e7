"""Entry points of the commands: flags, help, log lines, TensorFlow's start."""

import contextlib
import io
import logging as logging_lib
import os
import re
import sys
import tempfile
import typing
from collections.abc import Callable, Iterator

from absl import app
from absl import flags
from absl import logging

from mtl_tf.utils import flagfiles
from mtl_tf.utils import suggestions

# Lines that TensorFlow's libraries print at any log level, though a user has
# nothing to do about them: information of absl's C++ logging, and an "error"
# where there is no GPU driver (303: libcuda is missing) or no visible GPU.
# Other failures of a driver are errors, and stay.
_CHATTER = re.compile(
    rb"^(I0000 .*|WARNING: All log messages before absl::InitializeLog.*"
    rb"|E0000 .* failed call to cuInit: .*"
    rb"(UNKNOWN ERROR \(303\)|CUDA_ERROR_NO_DEVICE).*)\n",
    re.MULTILINE,
)
_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"


def run(
    main: Callable[[list[str]], int | None],
    program: str,
    module: str,
    flags_module: str = "",
) -> None:
    """Parses the flags and runs a command; does not return.

    Args:
      main: the command, a function from the remaining arguments to the exit
        status, or to None for success.
      program: name of the command in messages.
      module: name of the command's module, whose docstring begins the help.
      flags_module: name of the module that defines the flags, if another one.
    """
    for stream in (sys.stdout, sys.stderr):
        # A command must not fail because the terminal's encoding, such as
        # ASCII, has no character for a name.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # absl's help shows the flags of the script, which differs from the module
    # if pip made it.
    for flag in flags.FLAGS.get_flags_for_module(flags_module or module):
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)
    script = sys.modules["__main__"]
    script.__doc__ = script.__doc__ or sys.modules[module].__doc__
    app.run(main, flags_parser=lambda argv: parse(argv, program))


def restart() -> typing.NoReturn:
    """Replaces this process by a new one with the same command line."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, sys.orig_argv)


def configure_logging() -> None:
    """Logs what the project logs, from the level of information on."""
    logging.set_verbosity(logging.INFO)
    logging.get_absl_handler().setFormatter(LogFormatter())
    logging.get_absl_handler().addFilter(_is_news)
    # TensorFlow also has its own logger.
    logging_lib.getLogger("tensorflow").setLevel(logging_lib.WARNING)


def _is_news(record):
    """Returns False for TensorFlow's own information, as on checkpoints."""
    is_tensorflow = f"{os.sep}tensorflow{os.sep}" in record.pathname
    return record.levelno >= logging_lib.WARNING or not is_tensorflow


def parse(argv: list[str], program: str) -> list[str]:
    """Parses a command line into `flags.FLAGS`.

    If it is wrong, it prints one line and exits with status 1; after help it
    exits with 0.

    Args:
      argv: the command line.
      program: name of the command in messages.

    Returns:
      The program and all arguments that are not flags.
    """
    try:
        for argument in argv:
            if any("\udc80" <= letter <= "\udcff" for letter in argument):
                raise ValueError(
                    f"{argument!r:.80} has characters that this locale "
                    "cannot decode: set PYTHONUTF8=1, or LC_ALL=C.UTF-8"
                )
        return flags.FLAGS(
            [argv[0], *flagfiles.expand(argv[1:], list(flags.FLAGS))]
        )
    except SystemExit:
        # absl exits with 1 after help.
        sys.exit(0)
    except BrokenPipeError:
        # The reader of the help, such as `head`, has closed the pipe. Python
        # would print an error when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except (ValueError, OSError, flags.Error) as error:
        print(f"{program}: {_explain(error)}", file=sys.stderr)
        sys.exit(1)


def refuse_arguments(argv: list[str]) -> None:
    """Refuses arguments that are not flags.

    Args:
      argv: the result of `parse`.

    Raises:
      ValueError: if there are any.
    """
    if len(argv) > 1:
        raise ValueError(
            f"unexpected argument {argv[1]!r}: flags start with --"
        )


@contextlib.contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """Hides what TensorFlow prints while it is imported and finds its devices.

    Errors are printed. So is everything if the import fails, or if the user has
    set TF_CPP_MIN_LOG_LEVEL to 0 or 1.
    """
    level = os.environ.setdefault(_LOG_LEVEL, "2")
    if level in ("0", "1") or "tensorflow" in sys.modules:
        yield
        return
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        failed = True
        try:
            yield
            if "tensorflow" in sys.modules:
                # It looks for GPUs only once, here instead of at the first op.
                sys.modules["tensorflow"].config.list_physical_devices()
            failed = False
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            file.seek(0)
            printed = file.read()
            os.write(2, printed if failed else _CHATTER.sub(b"", printed))


class LogFormatter(logging_lib.Formatter):
    """Lines of the log: `10:31:07 train: 4 tasks`, with the date in a file."""

    def __init__(self):
        is_terminal = sys.stderr is not None and sys.stderr.isatty()
        super().__init__(
            "%(asctime)s %(severity)s%(message)s",
            "%H:%M:%S" if is_terminal else "%Y-%m-%d %H:%M:%S",
        )

    def format(self, record: logging_lib.LogRecord) -> str:
        """Formats a record; a warning or an error begins with its level."""
        is_news = record.levelno < logging_lib.WARNING
        record.severity = "" if is_news else f"{record.levelname.lower()}: "
        return super().format(record)


def _explain(error):
    """Explains an error in a command line to its user."""
    if isinstance(error, flags.UnrecognizedFlagError):
        try:
            flagfiles.check_flag(error.flagname, flags.FLAGS)
        except ValueError as unknown:
            return unknown
    match = re.match(r"flag --(\w+)=(.*?): ", str(error), re.DOTALL)
    if isinstance(error, flags.IllegalFlagValueError) and match:
        name, value = match.groups()
        parser = flags.FLAGS[name].parser
        expected = parser.syntactic_help
        if isinstance(parser, flags.BooleanParser):
            expected = "true or false"
        if isinstance(parser, flags.EnumParser):
            known = parser.enum_values
            return (
                f"{name}={value}: not one of {', '.join(known)}"
                f"{suggestions.nearest(value, known)}"
            )
        if expected:
            return f"{name}={value}: expected {expected}"
    return error
