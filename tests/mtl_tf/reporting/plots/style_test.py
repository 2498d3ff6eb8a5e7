import pytest

from mtl_tf.reporting.plots import style


def contrast(first, second):
    """Computes the contrast ratio of two colors (WCAG 2.2)."""

    def luminance(color):
        channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [
            x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4
            for x in channels
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted(map(luminance, (first, second)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("color", [*style.COLORS, style.BLACK])
def test_curves_are_visible_in_both_modes(color):
    assert contrast(color, "#ffffff") > 2
    assert contrast(style.DARK[color], "#14181c") > 5


def test_all_colors_have_a_dark_form():
    named = {
        value
        for name, value in vars(style).items()
        if name.isupper() and isinstance(value, str)
    }
    assert named == set(style.DARK)
    assert len(set(style.DARK.values())) == len(style.DARK)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
