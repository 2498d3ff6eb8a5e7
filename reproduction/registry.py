"""The tables that can be reproduced."""

from mtl_tf.utils import suggestions
from reproduction import asp_mtl_learning_curve
from reproduction import asp_mtl_probes
from reproduction import asp_mtl_settings
from reproduction import asp_mtl_summary
from reproduction import asp_mtl_table2
from reproduction import asp_mtl_table3
from reproduction import best_fdu
from reproduction import best_pairwise
from reproduction import lel_ltn_settings
from reproduction import lel_ltn_table4
from reproduction import lel_ltn_table5
from reproduction import lel_ltn_table6
from reproduction import tables

TABLES = (
    asp_mtl_summary.table(),
    asp_mtl_table2.table("asp_mtl_table2"),
    asp_mtl_table2.table("asp_mtl_table2_tuned", tuned=True),
    asp_mtl_table3.table(),
    asp_mtl_settings.table(),
    asp_mtl_probes.table(),
    asp_mtl_learning_curve.table(),
    best_fdu.table(),
    lel_ltn_table4.table(),
    lel_ltn_table5.table(),
    lel_ltn_table6.table(),
    lel_ltn_settings.table(),
    best_pairwise.table(),
)


def find(name: str) -> tables.Table:
    """Finds a table by its name.

    Raises:
      ValueError: if there is none.
    """
    by_name = {table.name: table for table in TABLES}
    if name not in by_name:
        raise ValueError(
            f"--table={name}{suggestions.nearest(name, by_name)}: expected one "
            f"of {', '.join(by_name)}"
        )
    return by_name[name]
