"""Raw corpora of any size, as a task file and TSV files."""

import os

import numpy as np

# Number of words, drawn by Zipf's law; the same for any size of the corpus.
WORDS = 5000
LABELS = ("no", "yes")
_SYLLABLES = [a + b for a in "bcdfghjklmnpqrstvwxz" for b in "aeiou"]


def write(
    folder: str, *, tasks: int, rows: int, tokens: int, seed: int = 0
) -> str:
    """Writes a corpus of single texts.

    Args:
      folder: output directory, created if missing.
      tasks: number of tasks.
      rows: training rows per task; dev and test have a tenth, at least 8.
      tokens: mean length of a text; lengths are uniform from half to one and a
        half of it.
      seed: random seed.

    Returns:
      Path of the task file, for `data_prep.corpora.custom`.
    """
    os.makedirs(folder, exist_ok=True)
    words = np.array([_spell(rank) for rank in range(WORDS)])
    cumulative = np.cumsum(1 / np.arange(1, WORDS + 1))
    tables = ['license = "CC0"\n']
    sizes = {"train": rows, "dev": max(8, rows // 10)}
    sizes["test"] = sizes["dev"]
    for task in range(tasks):
        name = f"task_{task:02d}"
        random = np.random.default_rng((seed, task))
        tables.append(f"[tasks.{name}]\nlabels = {list(LABELS)}")
        for split, size in sizes.items():
            file_name = f"{name}-{split}.tsv"
            tables.append(f'{split} = "{file_name}"')
            path = os.path.join(folder, file_name)
            with open(path, "w", encoding="utf-8") as file:
                file.write("text\tlabel\n")
                for _ in range(size):
                    length = random.integers(
                        max(1, tokens // 2), tokens + tokens // 2 + 1
                    )
                    drawn = random.random(length) * cumulative[-1]
                    ranks = np.searchsorted(cumulative, drawn, side="right")
                    label = LABELS[random.integers(len(LABELS))]
                    file.write(f"{' '.join(words[ranks])}\t{label}\n")
        tables.append("")
    path = os.path.join(folder, "tasks.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(tables))
    return path


def _spell(rank):
    """Spells the word of a rank; frequent words are short, as in languages."""
    word = _SYLLABLES[rank % len(_SYLLABLES)]
    while rank := rank // len(_SYLLABLES):
        word += _SYLLABLES[rank % len(_SYLLABLES)]
    return word
