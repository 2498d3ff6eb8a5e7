"""Wrong uses of the analysis of a text, in the form of `wrong_input.CASES`."""

import dataclasses

from mtl_tf.cli import text_settings
from mtl_tf.config import command as command_lib
from mtl_tf.runs import run_directory

ANALYZE = "mtl_tf --mode=analyze --run_dir=run"


def compare_other_labels():
    """Compares a run with one that has other labels of the same task."""
    command = command_lib.Command(
        mode="analyze",
        task="requests",
        text="hello",
        runs=("run", "other"),
        output="a.svg",
    )
    run = run_directory.Run.read("run")
    tasks = [dataclasses.replace(x, labels=("no", "yes")) for x in run.tasks]
    other = dataclasses.replace(run, run_dir="other", tasks=tuple(tasks))
    text_settings.check(command, [run, other])


CASES = {
    "text without a task": (
        {},
        f"{ANALYZE} --text=hello",
        "--mode=analyze needs both --task and --text, or neither to analyze "
        "the run on its corpus",
    ),
    "text of a misspelt task": (
        {},
        f"{ANALYZE} --text=hello --task=reqests",
        "run has no task 'reqests' (did you mean requests?); its tasks are "
        "answers, requests",
    ),
    "empty text": (
        {},
        f"{ANALYZE} --text=' ' --task=requests",
        "--text=' ': expected at least one word",
    ),
    "text of no word": (
        {},
        f"{ANALYZE} --text=\u200b --task=requests",
        "text='\\u200b': expected at least one word",
    ),
    "half a pair": (
        {},
        f"{ANALYZE} --text=hello --task=answers",
        "task answers has pairs of texts: --seq1 is missing, the first text of "
        "the pair of which --text is the second",
    ),
    "pair for single texts": (
        {},
        f"{ANALYZE} --text=hello --seq1=what --task=requests",
        "--seq1 is not used: run reads single texts of task requests",
    ),
    "neurons of a bag of words": (
        {},
        f"{ANALYZE} --text=hello --task=requests --neurons=shared:0",
        "--neurons is not used: run has encoder=bag_of_words, which has no "
        "states beyond the word vectors: its features of a word are the same "
        "in every text",
    ),
    "misspelt encoder": (
        {},
        f"{ANALYZE} --text=hello --task=requests --neurons=shard:0",
        "neurons=shard:0: expected ENCODER:INDEX, where ENCODER is shared or "
        "private and INDEX counts from 0 (did you mean shared?)",
    ),
    "neurons without a text": (
        {},
        f"{ANALYZE} --neurons=shared:0",
        "--neurons is not used by --mode=analyze without --text",
    ),
    "one run to compare": (
        {},
        f"{ANALYZE} --text=hello --task=requests --runs=run --output=a.svg",
        "--runs=run: expected at least 2 runs to compare; a single one is "
        "given by --run_dir",
    ),
    "run compared with itself": (
        {},
        f"{ANALYZE} --text=hello --task=requests --runs=run,run --output=a.svg",
        "--runs=run,run: a run is repeated",
    ),
    "runs without a picture": (
        {},
        f"{ANALYZE} --text=hello --task=requests --runs=run,other",
        "--mode=analyze needs both --runs and --output, the file of their "
        "picture, or neither: a single run has its pictures in its directory",
    ),
    "picture of another format": (
        {},
        f"{ANALYZE} --text=hello --task=requests --runs=run,b --output=a.jpg",
        "--output=a.jpg: expected a picture, .svg, .png, .pdf",
    ),
    "runs with other labels": (
        {},
        compare_other_labels,
        "the labels of requests differ: ['billing', 'delivery'] in run, "
        "['no', 'yes'] in other",
    ),
}
