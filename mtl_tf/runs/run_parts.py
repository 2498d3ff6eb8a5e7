"""A check of the parts of a run, which are runs themselves."""

from mtl_tf.runs import run_directory


def check(run: run_directory.Run) -> None:
    """Checks that the parts in a run's directory belong to the run.

    Args:
      run: the run; nothing is checked if it has no parts.

    Raises:
      ValueError: if a part is missing or damaged, or has other settings,
        another seed or task, or other data.
    """
    for name, part_dir in run.parts.items():
        part = run_directory.Run.read(part_dir)
        varying = {"tasks", "main_task", "task_weights", "max_train_examples"}
        fits_name = [task.name for task in part.tasks] == [name]
        if run.config.num_runs > 1:
            varying, fits_name = {"seed"}, str(part.config.seed) == name
        difference = [
            line
            for line in run.config.difference(part.config)
            if line.split(":")[0] not in varying
        ]
        if part.record["fingerprint"] != run.record["fingerprint"]:
            difference.append(run_directory.OTHER_DATA)
        if difference or not fits_name:
            raise ValueError(
                f"{part_dir} holds no part of the run in {run.run_dir} "
                f"({'; '.join(difference) or 'it is another one'}): put back a "
                "copy of the directory, or remove it and train again"
            )
