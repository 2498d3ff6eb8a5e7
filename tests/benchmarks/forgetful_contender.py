"""A contender that makes its batches itself, and leaves a token out."""


class Contender:
    """See `benchmarks.contenders`."""

    def __init__(self, problem, variant):
        del problem, variant

    def epoch(self, steps):
        return 0.0, 11 * steps - 1
