"""Sections of the analysis of a run: a text word by word, words of neurons."""

import dataclasses
from collections.abc import Mapping

from mtl_tf.evaluation import text_analysis
from mtl_tf.reporting.html import charts
from mtl_tf.runs import analysis_file

# Neurons whose words are shown, of each encoder.
_NEURONS = 12


@dataclasses.dataclass(frozen=True)
class EncoderWords:
    """Words that excite the neurons of an encoder.

    Attributes:
      name: `shared`, or the task of a private encoder.
      words: words that excite most of its neurons.
      by_neuron: words of its first neurons, by index.
    """

    name: str
    words: list[str]
    by_neuron: dict[str, list[str]]


def variables(analysis: Mapping | None, texts: bool) -> dict:
    """Makes the variables of both sections; None for those without content.

    Args:
      analysis: content of `analysis.json`; None without it.
      texts: whether the page shows texts.
    """
    sections = analysis or {}
    text = sections.get(analysis_file.TEXT) if texts else None
    words = sections.get("neuron_words")
    analyzed = text_analysis.TextAnalysis.from_dict(text) if text else None
    return {
        "analyzed": analyzed,
        "unfolding": charts.unfolding(analyzed) if analyzed else "",
        "neuron_map": charts.neurons(analyzed)
        if analyzed and analyzed.neurons
        else "",
        "neuron_words": words,
        "encoder_words": encoder_words(words) if words else [],
    }


def encoder_words(neuron_words: Mapping) -> list[EncoderWords]:
    """Lists the words of the shared encoder and of each private one.

    Args:
      neuron_words: the section `neuron_words` of `analysis.json`.
    """
    encoders = {"shared": neuron_words["shared"]} | {
        name: task["encoders"].get("private")
        for name, task in neuron_words["tasks"].items()
    }
    return [
        EncoderWords(
            name,
            words["words"],
            dict(list(words["by_neuron"].items())[:_NEURONS]),
        )
        for name, words in encoders.items()
        if words
    ]
