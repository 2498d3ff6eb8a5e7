"""Reader of a search space: a small TOML file, or a dict of the same form.

    [settings]
    learning_rate = {low = 1e-4, high = 1e-2, log = true}
    hidden_size = [32, 64, 128]

    [sweep]
    method = "random"
    trials = 20

Every value is checked when the space is read, before TensorFlow is loaded.
"""

import codecs
import dataclasses
import os
import re
import tomllib
import typing
from collections.abc import Iterable, Mapping

from mtl_tf.config import config as config_lib
from mtl_tf.config import single_values
from mtl_tf.studies import search_space as search_space_lib
from mtl_tf.utils import suggestions

_MAX_TRIALS = 10_000
# Settings that cannot be searched, each with the reason.
_FIXED = {
    "data_dir": "the scores of different corpora cannot be compared",
    "run_dir": "each trial has a directory in that of the sweep",
    "seed": "the best of several seeds is luck; --num_runs gives each trial "
    "several seeds",
    "num_runs": "it does not change the model; --num_runs gives each trial "
    "several seeds",
    "main_task": "the scores of different tasks cannot be compared",
    "threads": "it does not change the model",
    "distribution": "it does not change the model",
    "keep_checkpoints": "it does not change the model",
    "log_every": "it does not change the model",
    "pictures": "it does not change the model",
    "progress": "it does not change the model",
}


def read(
    search_space: str | os.PathLike | Mapping,
) -> search_space_lib.SearchSpace:
    """Reads a search space and checks its names and values.

    Args:
      search_space: path of a TOML file, or a dict of the same form.

    Returns:
      The search space.

    Raises:
      ValueError: if the file is missing or no TOML, or a name or a value is
        invalid; with file and line.
    """
    if isinstance(search_space, Mapping):
        return _Reader("search_space", "").read(search_space)
    path = os.fspath(search_space)
    try:
        with open(path, "rb") as file:
            # Windows editors write a byte order mark.
            text = file.read().removeprefix(codecs.BOM_UTF8).decode("utf-8")
        content = tomllib.loads(text)
    except FileNotFoundError:
        raise ValueError(
            f"search_space={path}: there is no such file"
        ) from None
    except IsADirectoryError:
        raise ValueError(
            f"search_space={path} is a directory, not a file"
        ) from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8: convert the file") from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: {error}") from None
    return _Reader(path, text).read(content)


class _Reader:
    """Reads the content of a search space.

    Args:
      source: name of the file, or of the argument.
      text: text of the file; empty for a dict.
    """

    def __init__(self, source: str, text: str):
        self._source = source
        self._lines = text.splitlines()

    def read(self, content: Mapping) -> search_space_lib.SearchSpace:
        """Reads the content, and raises a ValueError if it is invalid."""
        self._check_names(
            "", content, ("settings", "sweep", "successive_halving")
        )
        settings = self._table(content, "settings")
        if not settings:
            raise self._error(
                "settings",
                "",
                "expected at least one setting, such as "
                "learning_rate = {low = 1e-4, high = 1e-2, log = true}",
            )
        values = {name: self._values(name, x) for name, x in settings.items()}
        halving = None
        if "successive_halving" in content:
            halving = search_space_lib.SuccessiveHalving(
                **self._numbers(
                    content,
                    "successive_halving",
                    {"min_epochs": 1, "reduction_factor": 2},
                )
            )
        sweep = self._table(content, "sweep")
        self._check_names("sweep", sweep, ("method", "trials", "seed"))
        method = sweep.get("method", search_space_lib.RANDOM)
        if method not in search_space_lib.METHODS:
            raise self._error(
                "sweep",
                "method",
                f"{method!r:.80} is not one of "
                f"{', '.join(search_space_lib.METHODS)}"
                f"{suggestions.nearest(method, search_space_lib.METHODS)}",
            )
        numbers = self._numbers(
            content, "sweep", {"trials": 1, "seed": 0}, ("method",)
        )
        self._check_method(method, numbers, values, halving)
        return search_space_lib.SearchSpace(
            values,
            method,
            successive_halving=halving,
            source=self._source,
            **numbers,
        )

    def _check_method(self, method, numbers, values, halving):
        """Checks that the method can use all that is given."""
        if numbers.get("trials", 0) > _MAX_TRIALS:
            raise self._error("sweep", "trials", f"at most {_MAX_TRIALS}")
        if method == search_space_lib.GRID:
            for name in numbers:
                raise self._error(
                    "sweep",
                    name,
                    "not used by method=grid, which tries all combinations",
                )
            for name, space in values.items():
                if isinstance(space, search_space_lib.Range) and not space.step:
                    raise self._error(
                        "settings",
                        name,
                        "method=grid needs a list of values, or a range with "
                        "a step",
                    )
        if method == search_space_lib.TPE and halving:
            raise self._error(
                "successive_halving",
                "",
                "it compares trials that start together; method=tpe learns "
                "from earlier ones: use method=random",
            )

    def _values(self, name, value) -> tuple | search_space_lib.Range:
        """Reads the values of a setting."""
        fields = {f.name: f for f in dataclasses.fields(config_lib.Config)}
        if name not in fields:
            raise self._error(
                "settings",
                name,
                f"there is no setting {name!r}"
                f"{suggestions.nearest(name, fields)}",
            )
        if name in _FIXED:
            raise self._error(
                "settings", name, f"cannot be searched: {_FIXED[name]}"
            )
        if isinstance(value, Mapping):
            return self._range(name, value)
        if not isinstance(value, list | tuple) or not value:
            raise self._error(
                "settings",
                name,
                f"expected a list of values, or a range {{low = ..., high = "
                f"...}}, got {value!r:.80} (a fixed value is a flag: "
                f"--{name}=...)",
            )
        checked = tuple(self._check_value(name, x) for x in value)
        for x in checked:
            if checked.count(x) > 1:
                raise self._error("settings", name, f"{x!r} is repeated")
        return checked

    def _range(self, name, value) -> search_space_lib.Range:
        """Reads a range of numbers."""
        kind = typing.get_type_hints(config_lib.Config)[name]
        if kind not in (int, float):
            raise self._error(
                "settings",
                name,
                "a range is for numbers: give a list of values",
            )
        self._check_names(
            f"settings.{name}", value, ("low", "high", "log", "step")
        )
        for key in ("low", "high"):
            if key not in value:
                raise self._error("settings", name, f"{key} is missing")
        low, high = (self._check_value(name, value[k]) for k in ("low", "high"))
        log, step = value.get("log", False), value.get("step", 0)
        if not isinstance(log, bool):
            raise self._error(
                "settings", name, f"log={log!r:.80}: expected true or false"
            )
        number = int if kind is int else int | float
        if isinstance(step, bool) or not isinstance(step, number) or step < 0:
            raise self._error(
                "settings",
                name,
                f"step={step!r:.80}: expected "
                f"{'an integer' if kind is int else 'a number'} above 0",
            )
        if low >= high:
            raise self._error(
                "settings", name, f"low={low} is not below high={high}"
            )
        if log and (low <= 0 or step):
            raise self._error(
                "settings",
                name,
                "log needs a range above 0" if low <= 0 else "log has no step",
            )
        return search_space_lib.Range(low, high, log, step, kind is int)

    def _check_value(self, name, value):
        """Checks one value of a setting, and returns it as Config has it."""
        try:
            return single_values.check(name, value)
        except ValueError as error:
            raise self._error("settings", name, str(error)) from None

    def _table(self, content, name) -> Mapping:
        table = content.get(name, {})
        if not isinstance(table, Mapping):
            raise self._error(name, "", f"expected a table [{name}]")
        return table

    def _numbers(self, content, name, minima, others=()) -> dict[str, int]:
        """Reads a table of integers, each with its minimum."""
        table = self._table(content, name)
        self._check_names(name, table, (*minima, *others))
        numbers = {}
        for key, minimum in minima.items():
            if key not in table:
                continue
            number = table[key]
            is_integer = isinstance(number, int) and number is not True
            if not is_integer or number is False or number < minimum:
                raise self._error(
                    name,
                    key,
                    f"{number!r:.80}: expected an integer of {minimum} or more",
                )
            numbers[key] = number
        return numbers

    def _check_names(self, table, content, known: Iterable[str]):
        """Checks the names in a table; a ValueError suggests the nearest."""
        for name in content:
            if name not in known:
                raise self._error(
                    table or name,
                    name if table else "",
                    f"there is no {'key' if table else 'table'} {name!r}"
                    f"{suggestions.nearest(name, known)}; expected "
                    f"{', '.join(known)}",
                )

    def _error(self, table, key, message) -> ValueError:
        """Makes an error that names the file, the line and the key."""
        line = self._find(table, key)
        position = f"{self._source}:{line}" if line else self._source
        name = ".".join(filter(None, (table, key)))
        return ValueError(f"{position}: {name}: {message}")

    def _find(self, table, key) -> int:
        """Finds the line of a key, or else of its table; 0 if not found."""
        current, found = "", 0
        for number, line in enumerate(self._lines, start=1):
            header = re.match(r"\s*\[\s*([^\]]+?)\s*\]", line)
            if header:
                current = header.group(1)
                found = number if current == table else found
            start = re.match(r"\s*[\"']?([\w.-]+)[\"']?\s*=", line)
            if not start:
                continue
            name = start.group(1)
            full = f"{current}.{name}" if current else name
            # Keys of a range are in the line of their setting.
            if full in (f"{table}.{key}", table) or (not key and name == table):
                return number
        return found
