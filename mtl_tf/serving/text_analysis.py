"""Analysis of one text by a trained model, word by word.

Liu et al. 2017, Figure 5.
"""

from collections.abc import Mapping

from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.evaluation import text_analysis
from mtl_tf.serving import text_pairs
from mtl_tf.serving import trained_model


def analyze(
    model: trained_model.TrainedModel,
    task: str,
    text: str,
    seq1: str | None = None,
    neurons: Mapping[str, tuple[int, ...]] | None = None,
) -> text_analysis.TextAnalysis:
    """Analyzes a text.

    The model predicts for every prefix of the text: its first word, its first
    two words, and so on, all of them after the whole first text of a pair.

    Args:
      model: the model.
      task: name of the task.
      text: the text; of a pair, the second one.
      seq1: the first text of a pair; None for a task of single texts.
      neurons: indices of neurons by encoder, `shared` or `private`; by default
        those that vary most over the text. None are shown of an encoder without
        states (`Config.has_states`).

    Returns:
      The analysis, of at most `max_tokens` words.

    Raises:
      ValueError: if there is no such task or neuron, the text has no words, or
        a task of pairs gets a single text or vice versa.
    """
    declared = model.task(task)
    text_model, task_id = model.text_models[task]
    first, second = text_pairs.split(
        [text if seq1 is None else (seq1, text)], declared
    )
    words = text_model.words(second[0])
    if not words:
        raise ValueError(f"text={text!r:.80}: expected at least one word")
    known = set(
        vocabulary_lib.Vocabulary.read(model.run.vocabulary_path).tokens
    )
    # Tokens that are joined by blanks have the same tokens again.
    prefixes = [" ".join(words[: end + 1]) for end in range(len(words))]
    texts = prefixes if seq1 is None else [(seq1, x) for x in prefixes]
    chosen = {}
    if model.run.config.has_states:
        states = text_model.token_states(task_id, first[0], second[0])
        chosen = _choose(states, len(words), neurons)
    return text_analysis.TextAnalysis(
        task=task,
        labels=declared.labels,
        seq1=seq1 or "",
        words=words,
        unknown=tuple(word not in known for word in words),
        probabilities=model.predict(task, texts).probabilities,
        neurons=chosen,
    )


def _choose(states, num_words, neurons):
    """Selects neurons of each encoder, with their activations at the words.

    Args:
      states: float32 [tokens, neurons] by encoder. If the model reads a pair as
        one sequence, the text is at its end.
      num_words: number of words of the text.
      neurons: as in `analyze`.
    """
    states = {name: x.numpy()[-num_words:] for name, x in states.items()}
    if neurons is None:
        return {
            name: text_analysis.most_variable_neurons(x)
            for name, x in states.items()
        }
    chosen = {}
    for name, indices in neurons.items():
        if name not in states:
            raise ValueError(
                f"neurons={name}: the model has no {name} encoder, only "
                f"{' and '.join(states)}"
            )
        chosen[name] = text_analysis.given_neurons(states[name], indices, name)
    return chosen
