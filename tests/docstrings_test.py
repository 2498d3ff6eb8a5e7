"""Docstrings start as readers of Keras expect them to."""

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = sorted(
    path.relative_to(ROOT)
    for folder in (
        *("mtl_tf", "data_prep", "benchmarks", "examples", "reproduction"),
        "tools",
    )
    for path in (ROOT / folder).rglob("*.py")
)
# The verbs in use. A new one belongs here.
VERBS = frozenset(
    re.findall(
        r"\w+",
        """
        Adds Analyzes Appends Applies Assigns Averages Builds Calls Changes
        Checks Classifies Collects Combines Compares Computes Concatenates
        Connects Converts Corrects Counts Cuts Declares Defines Derives
        Describes Detects Divides Downloads Draws Drops Encodes Ends Escapes
        Evaluates Exits Explains Finds Fits Folds Forgets Formats Gathers
        Generates Groups Hides Initializes Inverts Joins Leaves Lists Loads
        Locks Logs Looks Makes Maps Marks Masks Measures Merges Moves Multiplies
        Names Opens Orders Packs Parses Places Pools Predicts Prepares Prints
        Probes Projects Quotes Raises Reads Receives Records Redraws Refuses
        Releases Removes Renders Reorders Replaces Reshapes Responds Restores
        Returns Reverses Rounds Runs Saves Scores Selects Serializes Sets
        Shortens Shows Sizes Sorts Spells Splits Standardizes Starts Summarizes
        Sums Swaps Terminates Tests Tokenizes Traces Trains Truncates Unpacks
        Updates Waits Wraps Writes Yields
        """,
    )
)
# Openings that name a thing by a question.
QUESTIONS = (
    "What ",
    "Whether ",
    "Which ",
    "How ",
    "Where ",
    "Of ",
    "Some ",
    "The same",
)


def docstrings(path):
    """Yields name, kind and first line of each docstring of a file."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef):
            kind = "noun"
        elif isinstance(node, ast.FunctionDef):
            decorators = {ast.unparse(x) for x in node.decorator_list}
            is_property = any("property" in x for x in decorators)
            kind = "noun" if is_property else "verb"
        else:
            continue
        text = ast.get_docstring(node)
        if text:
            name = getattr(node, "name", "module")
            yield name, kind, text.splitlines()[0]


def is_verb(line):
    """Checks for a verb in the third person: `Returns`, `Writes`."""
    return re.match(r"\w*", line)[0] in VERBS


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_functions_start_with_a_verb_and_others_with_a_noun(path):
    wrong = [
        f"{path}:{name}: {line}"
        for name, kind, line in docstrings(path)
        if line.startswith(QUESTIONS) or (kind == "verb" and not is_verb(line))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Returns a path.", True),
        ("Rows of a split.", False),
        ("Whether it ends.", False),
        ("Return a path.", False),
        ("Loss of a task.", False),
    ],
)
def test_verbs_are_told_from_nouns(line, expected):
    assert is_verb(line) == expected


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
