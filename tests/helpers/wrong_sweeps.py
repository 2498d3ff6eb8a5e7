"""Wrong sweeps, and what is said of them: cases of `messages_test`."""

MODEL = "--encoder=bag_of_words --pooling=max --hidden_size=2 --embedding_dim=2"
SWEEP = (
    f"mtl_tf --mode=sweep --data_dir=corpus --run_dir=new {MODEL} "
    "--search_space=space.toml"
)


def space(*lines):
    """The file of a search space."""
    return {"space.toml": "[settings]\n" + "\n".join(lines) + "\n"}


# As in `wrong_input`.
CASES = {
    "sweep: no search space": (
        {},
        f"mtl_tf --mode=sweep --data_dir=corpus --run_dir=new {MODEL}",
        "--mode=sweep needs --search_space",
    ),
    "sweep: no such file": (
        {},
        SWEEP,
        "search_space=space.toml: there is no such file",
    ),
    "sweep: search space of another mode": (
        {},
        "mtl_tf --mode=report --run_dir=run --search_space=space.toml",
        "--search_space is not used by --mode=report; it is used by sweep",
    ),
    "sweep: misspelt setting": (
        space("epochs = [1, 2]", "batchsize = [8, 16]"),
        SWEEP,
        "space.toml:3: settings.batchsize: there is no setting 'batchsize' "
        "(did you mean batch_size...",
    ),
    "sweep: invalid value": (
        space("batch_size = [8, 0]"),
        SWEEP,
        "space.toml:2: settings.batch_size: batch_size=0: expected a number "
        "above 0",
    ),
    "sweep: all combinations refused": (
        space("batch_size = [5000, 6000]"),
        SWEEP,
        "space.toml: all combinations are refused, such as batch_size=...: "
        "batch_size=...: expected at most 16, the number of training rows of "
        "the largest task (answers): a batch would repeat rows",
    ),
    "sweep: in the directory of a run": (
        space("epochs = [1, 2]"),
        SWEEP.replace("=new", "=run"),
        "run_dir=run holds a run: give another run_dir for the study",
    ),
    "sweep: rungs beyond the epochs": (
        space("batch_size = [8]", "[successive_halving]", "min_epochs = 20"),
        SWEEP,
        "space.toml: successive_halving.min_epochs: 20 is not below epochs=20: "
        "no trial would stop early",
    ),
}
