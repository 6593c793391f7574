"""Waits for events. How long they take is the machine's affair: only what never happens is given up."""

import time

PATIENCE = 240  # seconds


def until(happened, what, unless=lambda: None):
    """Returns what happened() gives as soon as that is true. Fails with the text of `unless`, once it gives one, and when
    patience ends; `what` says what was waited for."""
    deadline = time.monotonic() + PATIENCE
    while not (given := happened()):
        why = unless() or (time.monotonic() > deadline and f"not within {PATIENCE} s")
        if why and not (given := happened()):
            raise AssertionError(f"waited for {what}: {why}")
        if given:
            break
        time.sleep(0.02)
    return given
