"""The versions of the software that makes a run."""

import importlib.metadata
import os
import subprocess

_PACKAGES = ("tensorflow", "tensorflow-text", "keras", "numpy", "mtl_tf")


def packages() -> dict[str, str]:
    """Returns the versions of the packages that results depend on."""
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def git_revision() -> str:
    """Returns the revision of the source; `-dirty` if files have changed."""

    def git(*arguments):
        return subprocess.run(
            ["git", *arguments],
            cwd=os.path.dirname(__file__),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    try:
        # An installed package may be in the work tree of another project.
        git("ls-files", "--error-unmatch", os.path.basename(__file__))
        return git("describe", "--always", "--dirty", "--abbrev=40")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
