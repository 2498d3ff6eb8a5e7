"""Command line interface: python -m mtl_tf.main --flagfile=FILE ..."""

from absl import flags

from mtl_tf.cli import flag_settings
from mtl_tf.cli import preflight
from mtl_tf.utils import display_names as names_lib
from mtl_tf.utils import entry_point
from mtl_tf.utils import failures
from mtl_tf.utils import interruption


def main(argv: list[str]) -> int:
    """Runs the command of `--mode`; returns the exit status."""
    folder = ""
    try:
        with interruption.raised():
            entry_point.refuse_arguments(argv)
            command, config = flag_settings.read(flags.FLAGS)
            models = flag_settings.read_models(command.models, flags.FLAGS)
            preflight.check(command, config, models)
            # Imported late, as TensorFlow takes seconds to start.
            with entry_point.quiet_tensorflow():
                from mtl_tf.cli import modes
            # Predictions are written to --output or standard output.
            folder = "" if command.input else config.run_dir
            output = modes.run(command, config, models)
            if output:
                print(names_lib.visible(output, keep="\n"), flush=True)
    except BaseException as error:
        return failures.report("mtl_tf", error, folder)
    return 0


def run() -> None:
    """Runs the command `mtl-tf`."""
    flag_settings.define_flags(flags.FLAGS)
    flags.FLAGS.set_default("logtostderr", True)
    entry_point.configure_logging()
    with interruption.quick_exit():
        entry_point.run(main, "mtl_tf", __name__, flag_settings.__name__)


if __name__ == "__main__":
    run()
