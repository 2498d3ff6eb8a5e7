import numpy as np
import pytest
from scipy import stats

from mtl_tf.runs import output_agreement
from mtl_tf.runs import prediction_files
from mtl_tf.runs import results
from tests.helpers import made_up

GOLD = [0, 0, 1, 1, 1, 0, 1, 0]
# Correct: 1 1 1 1 0 0 1 0 and 1 0 0 1 0 1 0 0.
MAIN = [0, 0, 1, 1, 0, 1, 1, 1]
TRANSFER = [0, 1, 0, 1, 0, 0, 0, 1]


def write(run_dir, split, main=MAIN, transfer=TRANSFER, gold=GOLD):
    for output, predicted in (("main", main), ("label_transfer", transfer)):
        prediction_files.write(
            str(run_dir),
            made_up.TASK,
            split,
            made_up.predict(gold, predicted),
            output,
        )
    results.write(str(run_dir), {})


def test_shares_by_hand(tmp_path):
    write(tmp_path, "dev")
    write(tmp_path, "test", TRANSFER, TRANSFER)
    agreement = output_agreement.read(str(tmp_path), made_up.TASK)
    assert list(agreement) == ["dev", "test"]
    # Of 8: both are correct for 2, only main for 3, only label transfer for 1,
    # and none for 2.
    # The chance of 1 or fewer heads, or 3 or more, of 4 coins: 10 of 16.
    assert agreement["dev"] == output_agreement.Agreement(
        both=2 / 8,
        main_alone=3 / 8,
        label_transfer_alone=1 / 8,
        neither=2 / 8,
        n=8,
        mcnemar=pytest.approx(10 / 16),
    )
    # Both outputs are equal.
    assert agreement["test"] == output_agreement.Agreement(
        3 / 8, 0, 0, 5 / 8, 8, 1
    )


def test_shares_sum_to_one_and_p_value_agrees_with_scipy():
    random = np.random.default_rng(0)
    gold, main, transfer = random.integers(2, size=(3, 500))
    transfer = np.where(random.random(500) < 0.2, gold, transfer)

    def make_saved(predicted):
        return prediction_files.SavedPredictions(
            np.arange(500).astype(str),
            np.full(500, ""),
            gold,
            predicted,
            np.eye(2)[predicted],
            np.zeros(500, bool),
            {},
        )

    agreement = output_agreement.compare(make_saved(main), make_saved(transfer))
    assert (
        agreement.both
        + agreement.main_alone
        + agreement.label_transfer_alone
        + agreement.neither
    ) == pytest.approx(1)
    first, second = main == gold, transfer == gold
    assert agreement.main_alone == pytest.approx((first > second).mean())
    assert agreement.label_transfer_alone == pytest.approx(
        (first < second).mean()
    )
    counts = [(first > second).sum(), (first < second).sum()]
    assert agreement.mcnemar == stats.binomtest(counts[0], sum(counts)).pvalue


def test_different_rows_are_refused(tmp_path):
    write(tmp_path, "dev")
    write(tmp_path, "test")
    prediction_files.write(
        str(tmp_path), made_up.TASK, "test", made_up.predict([0, 1], [0, 1])
    )
    results.write(str(tmp_path), {})
    with pytest.raises(
        ValueError, match=r"made_up, test: .* different rows \(2 and 8\)"
    ):
        output_agreement.read(str(tmp_path), made_up.TASK)


def test_missing_predictions_are_named(tmp_path):
    write(tmp_path, "dev")
    with pytest.raises(ValueError, match=r"made_up-test.jsonl is missing"):
        output_agreement.read(str(tmp_path), made_up.TASK)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
