"""Tables of training throughput."""

import numpy as np

OURS = "this_project"


def best_rate(rates: list[dict], precision: str) -> tuple[float, str]:
    """Returns the best rate over libraries and measurements, and the library.

    Args:
      rates: rates by library and precision, for each measurement.
      precision: float32 or bfloat16.
    """
    return max(
        (of_library[precision], library)
        for by_library in rates
        for library, of_library in by_library.items()
        if precision in of_library
    )


def describe_machine(measured: dict) -> str:
    """Describes the machine and the packages, in two lines."""
    machine = measured["machine"]
    versions = ", ".join(f"{k} {x}" for k, x in measured["versions"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory_gb']} GB, {machine['system']}\n"
        f"Python {machine['python']}, {versions}"
    )


def describe(measurement: dict, rates: list[dict]) -> str:
    """Formats a table of contenders, and the limit.

    Args:
      measurement: measurement of a problem by `train_throughput`.
      rates: as for `best_rate`.
    """
    flops = measurement["flops_of_token"]
    rate, library = best_rate(rates, "float32")
    low_rate, low_library = best_rate(rates, "bfloat16")
    limit = rate / flops
    contenders = measurement["contenders"]
    lines = [
        "",
        f"{measurement['model']}, e = {measurement['embedding_dim']}, "
        f"d = {measurement['hidden_size']}, {measurement['steps']} steps per "
        f"epoch",
        f"limit: {limit:,.0f} tokens/s ({rate / 1e9:.0f} GFLOP/s in float32 "
        f"by {library}, {flops / 1e6:.3f} MFLOP per token; in bfloat16 "
        f"{low_library} reaches {low_rate / 1e9:.0f} GFLOP/s)",
        "",
        "| contender | tokens/s: median (range) | this project is faster by | "
        "of the limit | padding | peak MB | first step | last loss |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, contender in contenders.items():
        epochs = contender["epochs"]
        speeds = _speeds(epochs)
        of_limit = np.median(speeds) / limit
        lines.append(
            f"| {name} {contender['variant']} | {np.median(speeds):,.0f} "
            f"({speeds.min():,.0f}-{speeds.max():,.0f}) | "
            f"{_ratio(contenders, name)} | {of_limit:.1%} | "
            f"{1 - epochs[-1]['tokens'] / epochs[-1]['computed']:.1%} | "
            f"{epochs[-1]['peak_mb']:,.0f} | "
            f"{contender['first_step_seconds']:.1f} s | "
            f"{epochs[-1]['loss']:.2f} |"
        )
    return "\n".join(lines)


def _speeds(epochs):
    return np.array([epoch["tokens"] / epoch["seconds"] for epoch in epochs])


def _ratio(contenders, name):
    """Formats the median ratio, over rounds, of this project's speed."""
    if OURS not in contenders or name == OURS:
        return ""
    ratios = _speeds(contenders[OURS]["epochs"]) / _speeds(
        contenders[name]["epochs"]
    )
    return f"{np.median(ratios):.2f} ({ratios.min():.2f}-{ratios.max():.2f})"
