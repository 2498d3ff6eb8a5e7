import numpy as np
import pytest
from scipy import stats

from mtl_tf.runs import output_agreement
from mtl_tf.runs import prediction_files
from tests.helpers import made_up

GOLD = [0, 0, 1, 1, 1, 0, 1, 0]
# Right: 1 1 1 1 0 0 1 0 and 1 0 0 1 0 1 0 0.
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


def test_shares_by_hand(tmp_path):
    write(tmp_path, "dev")
    write(tmp_path, "test", TRANSFER, TRANSFER)
    found = output_agreement.read(str(tmp_path), made_up.TASK)
    assert list(found) == ["dev", "test"]
    # Of 8: both have 2 right, main alone 3, label transfer alone 1, none 2.
    # The chance of 1 or fewer heads, or 3 or more, of 4 coins: 10 of 16.
    assert found["dev"] == output_agreement.Agreement(
        both=2 / 8,
        main_alone=3 / 8,
        label_transfer_alone=1 / 8,
        neither=2 / 8,
        n=8,
        mcnemar=pytest.approx(10 / 16),
    )
    # Both outputs are the same: they differ nowhere.
    assert found["test"] == output_agreement.Agreement(3 / 8, 0, 0, 5 / 8, 8, 1)


def test_shares_sum_to_one_and_p_is_scipy_s():
    random = np.random.default_rng(0)
    gold, main, transfer = random.integers(2, size=(3, 500))
    transfer = np.where(random.random(500) < 0.2, gold, transfer)

    def as_read(predicted):
        return prediction_files.SavedPredictions(
            np.arange(500).astype(str),
            np.full(500, ""),
            gold,
            predicted,
            np.eye(2)[predicted],
            {},
        )

    found = output_agreement.compare(as_read(main), as_read(transfer))
    assert (
        found.both
        + found.main_alone
        + found.label_transfer_alone
        + found.neither
    ) == pytest.approx(1)
    first, second = main == gold, transfer == gold
    assert found.main_alone == pytest.approx((first > second).mean())
    assert found.label_transfer_alone == pytest.approx((first < second).mean())
    counts = [(first > second).sum(), (first < second).sum()]
    assert found.mcnemar == stats.binomtest(counts[0], sum(counts)).pvalue


def test_other_rows_are_refused(tmp_path):
    write(tmp_path, "dev")
    write(tmp_path, "test")
    prediction_files.write(
        str(tmp_path), made_up.TASK, "test", made_up.predict([0, 1], [0, 1])
    )
    with pytest.raises(
        ValueError, match=r"made_up, test: .* other rows \(2 and 8\)"
    ):
        output_agreement.read(str(tmp_path), made_up.TASK)


def test_missing_predictions_are_named(tmp_path):
    write(tmp_path, "dev")
    with pytest.raises(ValueError, match=r"made_up-test.jsonl is missing"):
        output_agreement.read(str(tmp_path), made_up.TASK)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
