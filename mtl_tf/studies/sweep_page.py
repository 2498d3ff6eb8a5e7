"""`sweep.html`, the page of a sweep."""

import os
import pathlib

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.reporting.html import inline_svg
from mtl_tf.reporting.html import rendering
from mtl_tf.reporting.plots import style
from mtl_tf.reporting.plots import trials as plot
from mtl_tf.studies import best_flags
from mtl_tf.studies import search_space as search_space_lib
from mtl_tf.studies import sweep_table
from mtl_tf.studies import trials as trials_lib

PAGE_FILE = "sweep.html"
_SHOWN_REFUSALS = 200


def write(
    config: config_lib.Config,
    table: sweep_table.SweepTable,
    corpus: tasks_lib.Corpus,
) -> str:
    """Writes the page of a sweep.

    Args:
      config: settings of the sweep.
      table: the trials; `best.flags` must already be written.
      corpus: the corpus.

    Returns:
      The path of the page.
    """
    flags = []
    if table.best:
        path = pathlib.Path(config.run_dir, best_flags.FLAGS_FILE)
        lines = path.read_text(encoding="utf-8").splitlines()
        flags = [line for line in lines if line.startswith("--")]
    rows = [_row(table, outcome) for outcome in table.ranked]
    return rendering.write(
        "sweep.html",
        os.path.join(config.run_dir, PAGE_FILE),
        {
            "corpus": corpus,
            "run_dir": config.run_dir,
            "method": table.space.method,
            "halving": table.space.successive_halving,
            "counts": table.counts(),
            "score_name": table.score_name,
            "percent": table.is_share,
            "names": list(table.space.settings),
            "trials": rows,
            "best_epochs": any(row["best_epoch"] != "" for row in rows),
            "best": {**rows[0], "trial": table.best.trial}
            if table.best
            else None,
            "flags": flags,
            "flags_file": best_flags.FLAGS_FILE,
            "picture": _draw(table) if table.best else "",
            "refusals": [
                (trials_lib.describe(x.settings), x.reason)
                for x in table.plan.refusals[:_SHOWN_REFUSALS]
            ],
        },
    )


def _row(table, outcome):
    """Returns the values of a trial in the table of the page."""
    settings = table.plan.trials[outcome.trial].settings
    best_epoch = outcome.best_epoch
    return {
        "index": outcome.trial,
        "dev": table.show(outcome.dev),
        "test": table.show(outcome.test),
        "epochs": outcome.epochs,
        # A mean over seeds.
        "best_epoch": "" if best_epoch is None else f"{best_epoch:g}",
        "status": table.status(outcome),
        "settings": [trials_lib.show(x) for x in settings.values()],
        "seconds": outcome.seconds,
    }


def _draw(table):
    """Draws the trials that have a score."""
    # The best one last, above the others.
    outcomes = [x for x in table.ranked if x.dev is not None][::-1]
    colors = [
        style.GRAY if table.status(x) == sweep_table.STOPPED else style.BLUE
        for x in outcomes
    ]
    colors[-1] = style.ORANGE
    settings = []
    for name, space in table.space.settings.items():
        values = [table.plan.trials[x.trial].settings[name] for x in outcomes]
        if isinstance(space, search_space_lib.Range):
            settings.append(plot.Setting(name, values, log=space.log))
        else:
            settings.append(
                plot.Setting(
                    name,
                    [space.index(value) for value in values],
                    [str(trials_lib.show(value)) for value in space],
                )
            )
    factor = 100 if table.is_share else 1
    picture = plot.draw(
        settings,
        [factor * x.dev for x in outcomes],
        colors,
        [f"#trial-{x.trial}" for x in outcomes],
        "dev score",
    )
    return inline_svg.embed(
        picture, "trials", "dev scores of the trials by setting"
    )
