"""Flagfiles and presets.

absl reads flagfiles in the locale's encoding and has no presets.

    --flagfile=FILE           one flag per line; # and // start comments
    --flagfile=preset:NAME    a file of `configs/`, which a wheel includes
"""

import pathlib
from collections.abc import Collection, Iterator, Sequence

from mtl_tf.utils import suggestions

PREFIX = "preset:"
_FLAG = "--flagfile"


def expand(arguments: Sequence[str], known: Collection[str]) -> list[str]:
    """Replaces each `--flagfile` by the lines of its file.

    Args:
      arguments: a command line, without the program.
      known: names of all flags; a line with another one is refused.

    Returns:
      The command line, without flagfiles.

    Raises:
      ValueError: if a file is missing, is not UTF-8, includes itself, or has a
        line that is not a flag; with file and line.
    """
    expanded: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        if argument == "--":
            return [*expanded, argument, *remaining]
        name, equals, value = argument.partition("=")
        if f"-{name.lstrip('-')}" not in (_FLAG, _FLAG[1:]):
            expanded.append(argument)
            continue
        expanded += _read(value if equals else next(remaining, ""), known, ())
    return expanded


def preset_names() -> list[str]:
    """Returns the names of all presets."""
    folder = _presets()
    return sorted(
        path.relative_to(folder).with_suffix("").as_posix()
        for path in folder.rglob("*.flags")
    )


def check_flag(name: str, known: Collection[str]) -> None:
    """Checks that a flag exists; raises a ValueError with the nearest ones."""
    if name in known or name.removeprefix("no") in known or name == "undefok":
        return
    raise ValueError(
        f"there is no flag --{name}{suggestions.nearest(name, known)}"
    )


def _read(source, known, including) -> Iterator[str]:
    """Yields the flags of a file and of the files that it includes."""
    path = _find(source)
    if path in including:
        chain = " -> ".join(map(str, (*including, path)))
        raise ValueError(f"flagfile {source} includes itself: {chain}")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(
            f"flagfile {path} is not UTF-8: convert the file"
        ) from None
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line or line.startswith(("#", "//")):
            continue
        name, _, value = line.lstrip("-").partition("=")
        try:
            # Unlike on a command line, no blank may separate flag and value.
            if not line.startswith("-") or name.split() != [name]:
                raise ValueError(f"expected --FLAG=VALUE, got {line!r:.80}")
            if name == _FLAG.lstrip("-"):
                yield from _read(value, known, (*including, path))
                continue
            check_flag(name, known)
        except ValueError as error:
            raise ValueError(f"{path}:{number}: {error}") from None
        yield line


def _find(source) -> pathlib.Path:
    """Returns the path of a flagfile or preset."""
    if source.startswith(PREFIX):
        name = source.removeprefix(PREFIX).removesuffix(".flags")
        names = preset_names()
        if name not in names:
            raise ValueError(
                f"there is no preset {name!r}"
                f"{suggestions.nearest(name, names)}; the presets are "
                f"{', '.join(names)}"
            )
        return _presets() / f"{name}.flags"
    if not source:
        raise ValueError(f"{_FLAG} is empty: name a file, or {PREFIX}NAME")
    path = pathlib.Path(source).expanduser()
    if not path.is_file():
        nearest = suggestions.nearest(path.stem, preset_names())
        raise ValueError(
            f"there is no flagfile {source}; a preset is {PREFIX}NAME{nearest}"
        )
    return path


def _presets() -> pathlib.Path:
    """Returns the folder of the presets, in a wheel or a source tree."""
    package = pathlib.Path(__file__).resolve().parents[1]
    installed = package / "presets"
    return installed if installed.is_dir() else package.parent / "configs"
