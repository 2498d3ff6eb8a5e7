"""Wrong comparisons of models, and what their users are told.

The form is that of `wrong_input`.
"""

from tests.helpers import wrong_input

COMPARE = "mtl_tf --mode=compare --data_dir=corpus --run_dir=new"

CASES = {
    "comparison of nothing": (
        {},
        COMPARE,
        "--mode=compare needs --models: names of presets, or paths of "
        "flagfiles",
    ),
    "misspelt preset of a comparison": (
        {},
        f"{COMPARE} --models=single_task,asp_mtk",
        "models: there is no preset 'asp_mtk' (did you mean asp_mtl, sp_mtl, "
        "fs_mtl?); give a preset's name, or the path of a flagfile",
    ),
    "missing flagfile of a comparison": (
        {},
        f"{COMPARE} --models=mine.flags",
        "there is no flagfile mine.flags; a preset is preset:NAME",
    ),
    "models of one name": (
        {"a/m.flags": "--epochs=1", "b/m.flags": "--epochs=2"},
        f"{COMPARE} --models=a/m.flags,b/m.flags",
        "models=a/m.flags,b/m.flags: m is repeated",
    ),
    "model that the command line makes impossible": (
        {},
        f"{COMPARE} --models=asp_mtl --sharing=single_task",
        "models: asp_mtl: adversarial_weight needs a shared encoder, got "
        "sharing=single_task",
    ),
    "training size in words": (
        {},
        f"{COMPARE} --models=fs_mtl --train_sizes=100,many",
        "train_sizes=100,many: expected SIZE or SIZE:RUNS, where SIZE is all "
        "or an integer of 1 or more, and RUNS an integer of 1 or more, got "
        "'many'",
    ),
    "misspelt new task": (
        {},
        f"{COMPARE} --models=fs_mtl --new_tasks=reqests",
        "new_tasks: there is no task 'reqests' (did you mean requests?); "
        "expected some of answers, requests, or each",
    ),
    "comparison in a run": (
        {"new/config.json": "{}"},
        f"{COMPARE} --models=fs_mtl",
        "run_dir=new holds a run: give another run_dir for the study",
    ),
    "training of several models": (
        {},
        f"{wrong_input.TRAIN} --models=fs_mtl,sp_mtl",
        "--models is not used by --mode=train; it is used by compare",
    ),
}
