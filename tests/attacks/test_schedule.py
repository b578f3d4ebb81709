import numpy as np
import pytest

from quintain.attacks.schedule import Schedule
from quintain.errors import ConfigurationError


def test_windows_and_periods_select_steps():
    assert [t for t in range(12) if Schedule(start=1, stop=8, every=3, length=2).allows(t)] == [1, 2, 4, 5, 7]
    assert all(Schedule().allows(t) for t in range(5))


def test_probability_draws_from_the_generator_of_each_episode():
    steps, schedule = np.arange(1000), Schedule(probability=0.3)
    draw = [schedule.active(steps[t : t + 1], [rng])[0] for rng in [np.random.default_rng(1)] for t in steps]
    assert 0.24 < np.mean(draw) < 0.36  # four standard errors


@pytest.mark.parametrize(
    "bad", [{"start": -1}, {"every": 0}, {"every": 2, "length": 3}, {"start": 5, "stop": 4}, {"probability": 2}]
)
def test_invalid_schedules_are_refused(bad):
    with pytest.raises(ConfigurationError):
        Schedule(**bad)
