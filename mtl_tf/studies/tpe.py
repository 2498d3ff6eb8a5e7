"""The tree-structured Parzen estimator (Bergstra et al., NIPS 2011), by Optuna.

Optuna only proposes settings. The record of the trials is that of the sweep, so
each sampler is made from the scores: an interrupted sweep proposes the same.
"""

from collections.abc import Sequence

from mtl_tf.studies import search_space as search_space_lib

try:
    import optuna
except ImportError:  # An optional dependency.
    optuna = None  # type: ignore[assignment]


class Sampler:
    """Draws settings, given the scores of trials.

    Args:
      space: the search space.
      trials: settings and dev score of each trial; None: it diverged.

    Raises:
      ValueError: if Optuna is missing.
    """

    def __init__(
        self,
        space: search_space_lib.SearchSpace,
        trials: Sequence[tuple[dict, float | None]],
    ):
        if optuna is None:
            raise ValueError(
                "method=tpe needs Optuna: pip install 'mtl_tf[sweep]', or use "
                "method=random"
            )
        self._space = space
        self._distributions = {
            name: _distribution(values)
            for name, values in space.settings.items()
        }
        scores = [score for _, score in trials if score is not None]
        # A trial that diverged is as bad as the worst one: Optuna would ignore
        # failed trials, and propose the same again.
        self._told = [
            optuna.trial.create_trial(
                params=self._encode(settings),
                distributions=self._distributions,
                value=min(scores) if score is None else score,
            )
            for settings, score in trials
            if scores
        ]

    def draw(self, number: int) -> dict:
        """Draws settings.

        Args:
          number: number of the draw, which determines the random numbers.
        """
        level = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            study = optuna.create_study(
                direction="maximize",
                sampler=optuna.samplers.TPESampler(
                    seed=self._space.seed + number
                ),
            )
            study.add_trials(self._told)
            return self._decode(study.ask(self._distributions).params)
        finally:
            optuna.logging.set_verbosity(level)

    def _encode(self, settings):
        """Returns values of Optuna: a list of values is drawn by index."""
        return {
            name: settings[name]
            if isinstance(values, search_space_lib.Range)
            else values.index(settings[name])
            for name, values in self._space.settings.items()
        }

    def _decode(self, params):
        """Inverts `_encode`; numbers are rounded."""
        return {
            name: values.round(params[name])
            if isinstance(values, search_space_lib.Range)
            else values[params[name]]
            for name, values in self._space.settings.items()
        }


def _distribution(values):
    """Returns the values of a setting as a distribution of Optuna."""
    if not isinstance(values, search_space_lib.Range):
        return optuna.distributions.CategoricalDistribution(range(len(values)))
    high = values.at(values.num_steps) if values.step else values.high
    if values.is_integer:
        return optuna.distributions.IntDistribution(
            values.low, high, log=values.log, step=values.step or 1
        )
    return optuna.distributions.FloatDistribution(
        values.low, high, log=values.log, step=values.step or None
    )
