"""A clock for tests that wait for nothing."""

from collections.abc import Callable


class StillClock:
    """Moves only when somebody waits on it. `passed_s` may be set; `on_wait` is called after each wait."""

    def __init__(self, on_wait: Callable[[], None] = lambda: None) -> None:
        self.passed_s = 0.0
        self.on_wait = on_wait

    def monotonic_s(self) -> float:
        return 100.0 + self.passed_s  # like the machine's, it does not begin at zero

    def wait(self, seconds: float) -> None:
        self.passed_s += seconds
        self.on_wait()
