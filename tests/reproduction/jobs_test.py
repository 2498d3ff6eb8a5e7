"""The processes of jobs."""

import os
import sys

import pytest

from reproduction import jobs as jobs_lib

# Instead of Python: `fails` ends as soon as `waits` has started.
_STUB = """\
#!/bin/sh
case "$*" in
*--fails*) while [ ! -e {pid} ]; do sleep 0.05; done; echo a reason; exit 3 ;;
*) echo $$ >{pid}.new; mv {pid}.new {pid}; exec sleep 600 ;;
esac
"""


def test_a_failure_ends_the_other_jobs(tmp_path, monkeypatch):
    pid = tmp_path / "pid"
    stub = tmp_path / "python"
    stub.write_text(_STUB.format(pid=pid))
    stub.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stub))
    jobs = [jobs_lib.Job(x, "c", (f"--{x}",)) for x in ("fails", "waits", "no")]
    ended = []
    with pytest.raises(
        ValueError, match=r"(?s)fails ended with status 3.*a reason"
    ):
        jobs_lib.run_all(jobs, "data", str(tmp_path / "runs"), 2, ended.append)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    assert not ended
    # The third one was not started.
    assert not (tmp_path / "runs" / "no.log").exists()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
