"""`search.html`, the page of a search for auxiliary tasks."""

import os
from collections.abc import Sequence

from mtl_tf.config import config as config_lib
from mtl_tf.reporting.html import charts
from mtl_tf.reporting.html import rendering
from mtl_tf.runs import descriptions
from mtl_tf.studies import auxiliary_runs
from mtl_tf.studies import auxiliary_table

PAGE_FILE = "search.html"


def write(
    config: config_lib.Config,
    runs: auxiliary_runs.Runs,
    rows: Sequence[auxiliary_table.Row],
    flags_path: str,
) -> str:
    """Writes the page of a search.

    Args:
      config: settings of the search.
      runs: its runs.
      rows: the rows of its table.
      flags_path: path of the flagfile of the chosen tasks; empty for a search
        over pairs of all tasks.

    Returns:
      The path of the page.
    """
    gains, sets = auxiliary_table.gains(rows, runs.names)
    pairs = [row for row in rows if row.step == 1 and row.affinity is not None]
    chosen = [row for row in rows if row.chosen]
    changed, others = descriptions.settings([config])
    return rendering.write(
        "search.html",
        os.path.join(config.run_dir, PAGE_FILE),
        {
            "config": config,
            "is_forward": bool(flags_path),
            "flags_path": flags_path,
            "rows": [
                {
                    "row": row,
                    "tasks": " + ".join((row.main_task, *row.auxiliary)),
                    "gain": auxiliary_table.format_gain(row),
                    "affinity": auxiliary_table.format_affinity(row),
                    **{
                        split: auxiliary_table.format_score(row, split)
                        for split in ("dev", "test")
                    },
                }
                for row in rows
            ],
            "alone": rows[0],
            "best": chosen[-1] if chosen else rows[0],
            "num_runs": len(rows) + (config.affinity_every > 0),
            "matrix": charts.gains(gains, sets, runs.names),
            "agreement": auxiliary_table.Agreement.compute(rows),
            "scatter": charts.affinity_gain(
                [x for row in pairs if (x := row.affinity) is not None],
                [100 * row.gain for row in pairs],
                [row.main_task for row in pairs],
            )
            if pairs
            else "",
            "changed_settings": changed,
            "other_settings": others,
        },
    )
