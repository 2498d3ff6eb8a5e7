"""`leave_one_out.html`, the page of a leave-one-out study."""

import os

from mtl_tf.reporting.html import rendering
from mtl_tf.runs import descriptions
from mtl_tf.studies import leave_one_out_runs
from mtl_tf.studies import leave_one_out_table as table_lib

PAGE_FILE = "leave_one_out.html"


def write(table: table_lib.Table) -> str:
    """Writes the page of a study into its directory.

    Args:
      table: the table of the study.

    Returns:
      The path of the page.
    """
    return rendering.write(
        "leave_one_out.html",
        os.path.join(table.config.run_dir, PAGE_FILE),
        {
            "table": table,
            "names": list(table_lib.NAMES.values()),
            "models": leave_one_out_runs.MODELS,
            "show": table_lib.show,
            "metric_name": table_lib.metric_name,
            "published": list(table.published.values()),
            "cells": [table.line(row) for row in table.rows],
            "has_duplicates": table.has_duplicates,
            "settings": descriptions.settings([table.config])[0],
        },
    )
