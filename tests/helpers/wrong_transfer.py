"""Wrong settings of transfers, and what is said of them (`messages_test`)."""

from tests.helpers import wrong_input

TRAIN = wrong_input.TRAIN
LEAVE_ONE_OUT = f"{TRAIN} --mode=leave_one_out"
# As `wrong_input.CASES`.
CASES = {
    "frozen encoder without a run": (
        {},
        f"{TRAIN} --notrain_shared_encoder",
        "notrain_shared_encoder needs init_from, the run whose shared encoder "
        "it freezes: without it, the frozen weights are random",
    ),
    "frozen encoder of single-task models": (
        {},
        f"{TRAIN} --notrain_shared_encoder --init_from=run "
        "--sharing=single_task",
        "notrain_shared_encoder needs a shared encoder (sharing=fully_shared "
        "or shared_private), got sharing=single_task",
    ),
    "adversary of a frozen encoder": (
        {},
        f"{TRAIN} --notrain_shared_encoder --init_from=run "
        "--adversarial_weight=1",
        "adversarial_weight=1.0 trains the shared encoder, which "
        "notrain_shared_encoder freezes: set adversarial_weight=0",
    ),
    "transfer from no run": (
        {},
        f"{TRAIN} --flagfile=preset:bi_channel --init_from=nowhere",
        "init_from=nowhere: nowhere holds no run: config.json is missing",
    ),
    "misspelt task to hold out": (
        {},
        f"{LEAVE_ONE_OUT} --held_out=reqests",
        "held_out: there is no task 'reqests' (did you mean requests?); the "
        "tasks are answers, requests",
    ),
    "task to hold out of training": (
        {},
        f"{TRAIN} --held_out=requests",
        "--held_out is not used by --mode=train; it is used by leave_one_out",
    ),
    "nothing to hold a task out of": (
        {},
        f"{LEAVE_ONE_OUT} --tasks=requests",
        "leave_one_out needs at least 2 tasks, got requests",
    ),
    "held-out tasks of single-task models": (
        {},
        f"{LEAVE_ONE_OUT} --sharing=single_task",
        "leave_one_out transfers the shared encoder: it needs sharing="
        "fully_shared or shared_private, got sharing=single_task",
    ),
    "held-out tasks from another run": (
        {},
        f"{LEAVE_ONE_OUT} --init_from=run",
        "init_from=run is not used by leave_one_out: it trains the encoders "
        "that it transfers, and a run on a held-out task must not be their "
        "start",
    ),
}
