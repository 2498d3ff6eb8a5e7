"""How the commands begin: flags, help, output, and TensorFlow's start."""

import contextlib
import io
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator

from absl import app
from absl import flags

from mtl_tf.utils import flagfiles
from mtl_tf.utils import suggestions

# What TensorFlow's libraries print as they are loaded, however high the log
# level is: lines of absl's C++ logging at the level of information.
_CHATTER = re.compile(
    rb"^(I0000 .*|WARNING: All log messages before absl::InitializeLog.*)\n",
    re.MULTILINE,
)
_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"


def run(main: Callable[[list[str]], int], program: str, module: str) -> None:
    """Parses the flags and runs a command; does not return.

    Args:
      main: the command; takes what is left of the command line, returns the
        exit status.
      program: name of the command in messages.
      module: name of the module that defines the flags.
    """
    for stream in (sys.stdout, sys.stderr):
        # Names that the terminal's encoding does not hold, such as a label in
        # an ASCII locale, are no reason to stop.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # absl's help is that of the script, which is not the module where pip has
    # made the script.
    for flag in flags.FLAGS.get_flags_for_module(module):
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)
    script = sys.modules["__main__"]
    script.__doc__ = script.__doc__ or sys.modules[module].__doc__
    app.run(main, flags_parser=lambda argv: parse(argv, program))


def parse(argv: list[str], program: str) -> list[str]:
    """Parses a command line into `flags.FLAGS`.

    Prints one line and ends the process with status 1 if it is wrong, with 0
    after help.

    Args:
      argv: the command line.
      program: name of the command in messages.

    Returns:
      What is left of it: the program, and what is no flag.
    """
    try:
        for argument in argv:
            if any("\udc80" <= letter <= "\udcff" for letter in argument):
                raise ValueError(
                    f"{argument!r:.80} has letters that this locale does not "
                    "know: set PYTHONUTF8=1, or LC_ALL=C.UTF-8"
                )
        return flags.FLAGS([argv[0], *flagfiles.expand(argv[1:], flags.FLAGS)])
    except SystemExit:
        # absl ends with 1 after help.
        sys.exit(0)
    except BrokenPipeError:
        # Whoever reads the help has enough of it. Python would complain once
        # more as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except (ValueError, OSError, flags.Error) as error:
        print(f"{program}: {_explain(error)}", file=sys.stderr)
        sys.exit(1)


@contextlib.contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """Keeps to itself what TensorFlow prints as it is imported.

    Errors are printed, and everything if the import fails or the user has set
    TF_CPP_MIN_LOG_LEVEL to 0 or 1.
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
            failed = False
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            file.seek(0)
            said = file.read()
            os.write(2, said if failed else _CHATTER.sub(b"", said))


def _explain(error):
    """An error in a command line, for its user."""
    if isinstance(error, flags.UnrecognizedFlagError):
        try:
            flagfiles.check_flag(error.flagname, flags.FLAGS)
        except ValueError as unknown:
            return unknown
    wrong = re.match(r"flag --(\w+)=(.*?): ", str(error), re.DOTALL)
    if isinstance(error, flags.IllegalFlagValueError) and wrong:
        name, value = wrong.groups()
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
            return f"{name}={value}: {expected} is expected"
    return error
