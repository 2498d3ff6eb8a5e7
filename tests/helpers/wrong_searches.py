"""Wrong input of searches for auxiliary tasks: more of `wrong_input`."""

from tests.helpers import wrong_input

TRAIN = wrong_input.TRAIN
SEARCH = f"{TRAIN} --mode=search_auxiliary"

CASES = {
    # Search for auxiliary tasks.
    "forward search without a main task": (
        {},
        f"{SEARCH}",
        "search_method=forward needs main_task, the task that the other tasks "
        "are to help; search_method=pairs does without",
    ),
    "search for a misspelt task": (
        {},
        f"{SEARCH} --main_task=reqests",
        "main_task=reqests: not one of the tasks answers, requests (did you "
        "mean requests?)",
    ),
    "search for a main task that is not in tasks": (
        {},
        f"{SEARCH} --tasks=answers --main_task=requests",
        "a search for auxiliary tasks needs at least 2 tasks, got answers",
    ),
    "search over single-task models": (
        {},
        f"{SEARCH} --main_task=requests --sharing=single_task",
        "a search for auxiliary tasks needs weights that tasks share, got "
        "sharing=single_task",
    ),
    "teachers of a search": (
        {},
        f"{SEARCH} --main_task=requests --unlabeled --teachers=runs/a",
        "teachers=runs/a are not used by search_auxiliary: they may know the "
        "labels that it leaves out",
    ),
    "misspelt search method": (
        {},
        f"{SEARCH} --search_method=pair",
        "search_method=pair: not one of forward, pairs (did you mean pairs?)",
    ),
    "limit of a search over pairs": (
        {},
        f"{SEARCH} --search_method=pairs --max_auxiliary=2",
        "--max_auxiliary is not used by --search_method=pairs: its runs have "
        "one auxiliary task",
    ),
    "negative number of auxiliary tasks": (
        {},
        f"{SEARCH} --main_task=requests --max_auxiliary=-1",
        "max_auxiliary=-1: expected 0 or more",
    ),
    "search method of a training": (
        {},
        f"{TRAIN} --search_method=pairs",
        "--search_method is not used by --mode=train; it is used by "
        "search_auxiliary",
    ),
    "search in the directory of a run": (
        {},
        "mtl_tf --mode=search_auxiliary --data_dir=corpus --run_dir=run "
        f"--main_task=requests {wrong_input.MODEL}",
        "run_dir=run holds a run: give another run_dir for the study",
    ),
    # Inter-task affinity.
    "affinity of one task at a time": (
        {},
        f"{TRAIN} --affinity_every=5 --update=alternating",
        "affinity_every needs texts of several tasks in a step (update=joint), "
        "got update=alternating",
    ),
    "affinity of single-task models": (
        {},
        f"{TRAIN} --affinity_every=5 --sharing=single_task",
        "affinity_every needs weights that tasks share, got "
        "sharing=single_task",
    ),
    "affinity of one task": (
        {},
        f"{TRAIN} --affinity_every=5 --tasks=requests",
        "affinity_every needs at least 2 tasks, got requests",
    ),
    "negative interval of affinity": (
        {},
        f"{TRAIN} --affinity_every=-5",
        "affinity_every=-5: expected 0 or more",
    ),
}
