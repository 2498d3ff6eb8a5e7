import json

import matplotlib.image
import pytest

from mtl_tf import figures


def write_history(run_dir, adversarial, epochs=3):
    lines = []
    for epoch in range(1, epochs + 1):
        terms = {"loss/task": 1 / epoch}
        if adversarial:
            terms |= {
                "loss/orthogonality": 0.1,
                "discriminator/cross_entropy": 1.0,
                "discriminator/mix_entropy": 1.1,
                "discriminator/accuracy": 0.4,
                "discriminator/chance": 0.33,
            }
        dev = {"tasks": {"a": {"accuracy": 0.5}, "b": {"accuracy": 0.7}}}
        lines.append({"epoch": epoch, "terms": terms, "dev": dev})
    path = run_dir / "history.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.parametrize("epochs", [1, 3])
def test_curves_with_and_without_adversary(tmp_path, epochs):
    write_history(tmp_path, adversarial=False, epochs=epochs)
    narrow = matplotlib.image.imread(figures.draw_curves(str(tmp_path)))
    write_history(tmp_path, adversarial=True, epochs=epochs)
    wide = matplotlib.image.imread(figures.draw_curves(str(tmp_path)))
    assert narrow.shape[0] == wide.shape[0]
    # Three panels need more room than two.
    assert narrow.shape[1] < wide.shape[1]
    # Something is drawn: dark pixels on white.
    assert 0.01 < (wide[..., :3].mean(axis=-1) < 0.9).mean() < 0.5


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
