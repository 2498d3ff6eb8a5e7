#!/usr/bin/env bash
# From a fresh clone to a trained multi-task model, in one command.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
  cat <<'END'
./run_all.sh          sets up an environment in .venv, and prepares the default
                      corpus; compares how many labels a new task needs, alone
                      and together with others; trains an adversarial multi-task
                      model on all labels, writes report and export, and
                      predicts with the exported model; then trains one with
                      label embeddings and a label transfer network
./run_all.sh --quick  does so with fewer and shorter runs, in runs/quick, and
                      without the last model
./run_all.sh test     sets up the same environment, runs linter, type checker
                      and tests, and builds the documentation

Needs Python 3.11, 3.12 or 3.13 with pip; PYTHON=/path/to/python names the one
to use. A second call is quick: the environment is kept until pyproject.toml
changes, and an existing corpus and existing runs are used again.
END
}

readonly venv=.venv
# Contains the directory that the environment was made in. An environment that
# this script did not make has no such file.
readonly made_for=$venv/made_for
# Contains the checksum of the pyproject.toml that was installed.
readonly installed=$venv/installed

# Hides TensorFlow's startup messages; its errors stay visible.
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}
# A user's own Keras settings may name another backend.
export KERAS_BACKEND=tensorflow

fail() {
  printf 'run_all.sh: %s\n' "$@" >&2
  exit 1
}

# step TITLE COMMAND...: prints the title, runs the command, prints its time.
step() {
  local title=$1 start=$SECONDS
  shift
  printf '\n== %s\n' "$title"
  "$@"
  printf '== done in %d s: %s\n' $((SECONDS - start)) "$title"
}

is_supported() {
  "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
    2>/dev/null
}

find_python() {
  local candidate
  if [[ -n ${PYTHON:-} ]]; then
    is_supported "$PYTHON" ||
      fail "PYTHON=$PYTHON is not a Python 3.11, 3.12 or 3.13"
    echo "$PYTHON"
    return
  fi
  for candidate in python3 python3.13 python3.12 python3.11; do
    # A command on PATH may not start: version managers install such stubs.
    if is_supported "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  fail "no Python 3.11, 3.12 or 3.13 on PATH;" \
    "name one: PYTHON=/path/to/python ./run_all.sh"
}

make_venv() {
  local python=$1
  rm -rf "$venv"
  mkdir "$venv"
  echo "unfinished" >"$made_for"
  if "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv "$venv"
  elif "$python" -m virtualenv --version >/dev/null 2>&1; then
    "$python" -m virtualenv --quiet "$venv"
  elif "$python" -m pip --version >/dev/null 2>&1; then
    # Debian and Ubuntu have ensurepip in a separate package (python3-venv), but
    # the system's pip can install pip into an environment without it.
    "$python" -m venv --without-pip "$venv"
    "$python" -m pip --python "$venv/bin/python" install --quiet pip
  else
    fail "$python has no pip, virtualenv or ensurepip to set up $venv with;" \
      "on Debian or Ubuntu: apt install python3-pip"
  fi
}

version() {
  "$1" -c 'import sys; print(sys.version)'
}

# Checks that the environment works, that it was made in this directory (its
# scripts contain the path), and that it has the Python that PYTHON names.
is_usable() {
  [[ -f $made_for && $(<"$made_for") == "$PWD" ]] &&
    is_supported "$venv/bin/python" &&
    [[ -z ${PYTHON:-} || $(version "$PYTHON") == $(version "$venv/bin/python") ]]
}

set_up() {
  local python checksum
  if [[ -e $venv && ! -f $made_for ]]; then
    fail "$venv was not made by this script: move it away"
  fi
  if ! is_usable; then
    python=$(find_python)
    echo "making $venv with $python ($("$python" --version))"
    make_venv "$python"
    echo "$PWD" >"$made_for"
  fi
  checksum=$(cksum <pyproject.toml)
  if [[ -f $installed && $(<"$installed") == "$checksum" ]]; then
    echo "$venv is up to date"
    return
  fi
  echo "installing the packages in pyproject.toml (about 1 GB the first time)"
  "$venv/bin/python" -m pip install --editable '.[docs,glove,test]'
  echo "$checksum" >"$installed"
}

# predict PYTHON EXPORT TASK TEXT: calls an export with TensorFlow alone, and
# shows what TensorFlow logs only if that fails.
predict() {
  local python=$1 log=$venv/predict.log
  shift
  "$python" examples/call_export.py "$@" 2>"$log" || {
    cat "$log" >&2
    return 1
  }
}

# run_everything [--quick]: a quick run compares one new task at one size, and
# stops the training of ASP-MTL early.
run_everything() {
  local python=$venv/bin/python runs=runs comparison=() epochs=()
  if [[ ${1:-} == --quick ]]; then
    runs=runs/quick
    comparison=(--new_tasks=amazon --train_sizes=100:1) epochs=(--epochs=2)
  fi
  step "prepare the corpus vader in data/vader" \
    "$python" -m data_prep.main --corpus=vader --out_dir=data/vader
  step "learn a new task alone and together with others in $runs/new_task" \
    "$python" -m mtl_tf.main --flagfile=configs/vader_new_task.flags \
    --data_dir=data/vader --run_dir=$runs/new_task "${comparison[@]}"
  step "train ASP-MTL on all labels in $runs/vader_asp_mtl" \
    "$python" -m mtl_tf.main --flagfile=configs/vader_asp_mtl.flags \
    --data_dir=data/vader --run_dir=$runs/vader_asp_mtl "${epochs[@]}"
  step "predict with the exported model" \
    predict "$python" $runs/vader_asp_mtl/export tweets \
    "The sun is out and I finally got the job :)"
  if [[ ! ${1:-} ]]; then
    step "train label embeddings and label transfer in $runs/vader_lel_ltn" \
      "$python" -m mtl_tf.main --flagfile=configs/vader_lel_ltn.flags \
      --data_dir=data/vader --run_dir=$runs/vader_lel_ltn --noexport
  fi
  printf '\nDoes sharing pay? %s\n' "$runs/new_task/comparison.html"
  printf 'report of a run:  %s\n' "$runs"/vader_*/report.html
  printf 'curves:           %s/bin/tensorboard --logdir=%s\n' "$venv" "$runs"
}

run_tests() {
  local python=$venv/bin/python
  step "lint" "$python" -m ruff check .
  step "check the formatting" "$python" -m ruff format --check .
  step "check the types" "$python" -m mypy
  step "build the documentation" env NO_MKDOCS_2_WARNING=1 \
    "$python" -m mkdocs build --strict --site-dir="$venv/site"
  # Files stay whole, since their tests share trained models. One process more
  # than cores: tests that wait for child processes leave a core idle, and a
  # process that runs fewer files needs less memory.
  local processes
  processes=$("$python" -c 'import os; print(min(5, (os.cpu_count() or 1) + 1))')
  step "test" "$python" -m pytest -n "$processes" --dist=loadfile -m "not xla"
  # In processes of their own: they need much memory.
  step "test with XLA" "$python" -m pytest -n 2 --dist=loadfile -m xla
}

if [[ $# == 0 || ($# == 1 && $1 == --quick) ]]; then
  step "set up the environment" set_up
  run_everything "$@"
elif [[ $# == 1 && $1 == test ]]; then
  step "set up the environment" set_up
  run_tests
elif [[ $# == 1 && ($1 == --help || $1 == -h) ]]; then
  usage
else
  usage >&2
  exit 2
fi
