"""Settings of Hypothesis (a busy machine must not fail a property), and signals as at a terminal."""

from __future__ import annotations

import signal
from typing import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture
def default_signals() -> Iterator[None]:
    """What a test starts obeys signals; what a shell or nohup runs in the background inherits some as ignored."""
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.SIGHUP: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    }
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
