"""The runs that a run is made of: whether they are its own."""

from mtl_tf.runs import run_directory


def check(run: run_directory.Run) -> None:
    """Checks that each run that a run is made of is its own.

    Args:
      run: the run; one that is made of no others has nothing to check.

    Raises:
      ValueError: if one is missing or damaged, or has other settings, another
        seed or task, or other data.
    """
    for name, part_dir in run.parts.items():
        part = run_directory.Run.read(part_dir)
        own = {"tasks", "main_task", "task_weights"}
        is_of_name = [task.name for task in part.tasks] == [name]
        if run.config.num_runs > 1:
            own, is_of_name = {"seed"}, str(part.config.seed) == name
        found = run.config.difference(part.config)
        found = [line for line in found if line.split(":")[0] not in own]
        if part.record["fingerprint"] != run.record["fingerprint"]:
            found.append(run_directory.OTHER_DATA)
        if found or not is_of_name:
            raise ValueError(
                f"{part_dir} holds no part of the run in {run.run_dir} "
                f"({'; '.join(found) or 'it is another one'}): put back a copy "
                "of the directory, or remove it and train again"
            )
