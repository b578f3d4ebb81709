import gymnasium as gym
import pytest
from gymnasium.envs.registration import EnvSpec

import quintain
from quintain.errors import ConfigurationError, SandboxError
from quintain.rewards import REWARDS, InvalidReward, WithRewardTerms, sandboxed_term
from quintain.sandbox import Sandbox, SandboxedFunction


def cart(terms, **options):
    return WithRewardTerms(gym.make("CartPole-v1"), terms, **options)


def test_terms_add_up_and_receive_both_observations():
    seen = []
    env = cart({"push": lambda t: 0.25 * t.action, "move": lambda t: seen.append(t) or -0.5})
    start, _ = env.reset(seed=0)
    after, reward, *_, info = env.step(1)
    assert info["reward_terms"] == {"env": 1.0, "push": 0.25, "move": -0.5}
    assert reward == 0.75
    assert (seen[0].observation is start, seen[0].next_observation is after, seen[0].reward) == (True, True, 1.0)


def test_terms_tell_a_time_limit_from_the_end_of_the_task():
    """CartPole truncates at its time limit of 3 steps here, and terminates when the pole falls, after 8 pushes."""
    for limit, steps, end in ((3, 3, (False, True)), (100, 8, (True, False))):
        seen = []
        limited = gym.make("CartPole-v1", max_episode_steps=limit)
        env = WithRewardTerms(limited, {"ends": lambda t, seen=seen: seen.append((t.terminated, t.truncated)) or 0.0})
        env.reset(seed=0)
        for _ in range(steps):
            *_, terminated, truncated, _ = env.step(1)
        assert (terminated, truncated) == end
        assert seen == [(False, False)] * (steps - 1) + [end]


def test_the_environments_reward_can_be_replaced():
    env = cart({"zero": lambda t: 0.0}, keep=False)
    env.reset(seed=0)
    assert env.step(0)[1] == 0.0


def test_reward_terms_of_the_environment_keep_their_names():
    env = WithRewardTerms(
        gym.make("CodeReason-v0", tasks="letters", code=False), {"short": lambda t: -len(t.action) / 1e6}
    )
    env.reset(seed=0)
    *_, info = env.step("<<<1>>>")
    assert list(info["reward_terms"]) == ["correctness", "format", "efficiency", "short"]


def test_a_wrappers_change_of_the_reward_is_kept_as_a_term():
    named = gym.make("CodeReason-v0", tasks="letters", code=False)
    env = WithRewardTerms(gym.wrappers.TransformReward(named, lambda r: 100.0), {"short": lambda t: 0.5})
    env.reset(seed=0)
    _, reward, *_, info = env.step("<<<1>>>")
    assert reward == 100.5
    assert info["reward_terms"] == pytest.approx(
        {"correctness": 0, "format": 0.1, "efficiency": 0, "env": 99.9, "short": 0.5}
    )


def test_a_second_layer_of_terms_adds_to_the_first():
    scaled = gym.wrappers.TransformReward(cart({"push": lambda t: 0.5}), lambda r: 2 * r)
    env = WithRewardTerms(scaled, {"late": lambda t: 1.0})
    env.reset(seed=0)
    _, reward, *_, info = env.step(0)
    assert (reward, info["reward_terms"]) == (4.0, {"env": 2.5, "push": 0.5, "late": 1.0})


def test_the_spec_rebuilds_the_wrapped_environment():
    env = cart({"push": lambda t: 0.25 * t.action}, keep=False)
    rebuilt = gym.make(env.spec)
    for made in (env, rebuilt):
        made.reset(seed=0)
        assert made.step(1)[4]["reward_terms"] == {"push": 0.25}
    assert rebuilt.spec.additional_wrappers == env.spec.additional_wrappers


def push(step):
    return 0.25 * step.action


def test_terms_of_a_module_are_stored_by_name_in_the_specs_json():
    env = cart({"push": push}, keep=False)
    assert cart({"push": f"{__name__}:push"}, keep=False).spec == env.spec
    rebuilt = gym.make(EnvSpec.from_json(env.spec.to_json()))
    rebuilt.reset(seed=0)
    assert rebuilt.step(1)[4]["reward_terms"] == {"push": 0.25}


@pytest.mark.parametrize("name", ["push", "no_such_module:push", f"{__name__}:pull"])
def test_a_term_that_cannot_be_imported_is_refused(name):
    with pytest.raises(ConfigurationError, match="must be 'module:function'"):
        cart({"push": name})


def test_terms_that_cannot_be_copied_are_shared_by_the_spec():
    class Uncopied:
        def __deepcopy__(self, memo):
            raise TypeError("this term holds a process")

        def __call__(self, t):
            return 2.0

    rebuilt = gym.make(cart({"held": Uncopied()}, keep=False).spec)
    rebuilt.reset(seed=0)
    assert rebuilt.step(1)[1] == 2.0


def test_the_memory_of_terms_is_cleared_on_reset():
    def count(t):
        t.memory["n"] = t.memory.get("n", 0) + 1
        return t.memory["n"]

    env = cart({"count": count}, keep=False)
    for _ in range(2):
        env.reset(seed=0)
        assert [env.step(0)[1] for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_non_finite_term_is_reported_and_counted_as_zero(bad):
    env = cart({"bad": lambda t: bad, "good": lambda t: 2.0}, keep=False)
    env.reset(seed=0)
    _, reward, *_, info = env.step(0)
    assert (reward, info["reward_terms"]) == (2.0, {"good": 2.0})
    assert "finite" in info["reward_error"]["bad"]


def test_an_exception_in_a_term_is_raised():
    env = cart({"bug": lambda t: t.nothing})
    env.reset(seed=0)
    with pytest.raises(AttributeError):
        env.step(0)


def test_invalid_term_names_are_refused():
    with pytest.raises(ConfigurationError, match="cannot be called 'env'"):
        cart({"env": lambda t: 0.0})
    with pytest.raises(ConfigurationError, match="reward would always be 0"):
        cart({}, keep=False)
    env = WithRewardTerms(gym.make("CodeReason-v0", tasks="letters", code=False), {"format": lambda t: 0.0})
    env.reset(seed=0)
    with pytest.raises(ConfigurationError, match="already pays a term called 'format'"):
        env.step("<<<1>>>")


def test_an_untrusted_function_runs_in_the_sandbox_and_its_failures_are_counted():
    source = "def reward(angle, action):\n    return 1.0 if action == 1 else 1 / 0\n"
    with SandboxedFunction(source, "reward(angle, action)", low=0, high=1) as function:
        assert REWARDS.load("sandboxed") is sandboxed_term
        term = REWARDS.make("sandboxed", function, lambda t: (float(t.next_observation[2]), int(t.action)))

        def make():
            return cart({"designed": term}, keep=False)

        actions = [1, 0, 1, 0, 1]
        report = quintain.evaluate(
            lambda: gym.wrappers.TimeLimit(make(), 5), lambda o: actions.pop(0), episodes=1, concurrency=1
        )
    episode = report.episodes[0]
    assert episode.error is None
    assert episode.reward_terms == {"designed": 3.0}
    assert episode.reward_errors == 2
    assert report.reward_errors == 2


def test_a_sandbox_failure_raises_instead_of_counting_as_invalid():
    with Sandbox(_fault="seccomp") as box:
        function = SandboxedFunction("def reward(x):\n    return 1.0", "reward(x)", sandbox=box)
        env = cart({"designed": sandboxed_term(function, lambda t: (0.0,))})
        env.reset(seed=0)
        for _ in range(2):
            with pytest.raises(SandboxError, match="the function was not called"):
                env.step(0)
        assert function.counts == {}


def test_invalid_rewards_raise_value_error():
    assert issubclass(InvalidReward, ValueError)
