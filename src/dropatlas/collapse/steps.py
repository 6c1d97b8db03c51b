"""After which steps a collapse run is measured."""


def evenly_spaced_steps(last: int, count: int) -> list[int]:
    """The ends of `count` equal parts of `last` steps, fewer where a part would be less than a step."""
    return sorted({max(1, last * part // count) for part in range(1, count + 1)})
