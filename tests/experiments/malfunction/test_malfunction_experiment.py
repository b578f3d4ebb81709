"""The experiment: pairing, guards, breakdowns, resuming, and what does not fit together."""

import math

import pytest

import quintain
from quintain.attacks.malfunction import GUARDS, LANGUAGE_ATTACKS, RepeatLimit, attack_language, guard_agent
from quintain.envs.tools.env import ToolUseEnv
from quintain.errors import ConfigurationError, RecordError, UnknownNameError
from quintain.experiments.kinds import load_run
from quintain.experiments.malfunction import Condition, MalfunctionExperiment, run_malfunction
from quintain.experiments.malfunction.breakdown import break_down
from quintain.records import EpisodeRecord, read_episodes


def experiment(**changes):
    agents = {"script": quintain.make_agent("susceptible", obey=0.5, slip=0.1)}
    plan = {"attacks": ("loop", "paraphrase"), "guards": ("repeat-limit",), "episodes": 10, "seeds": (0, 1)}
    return MalfunctionExperiment(agents, **plan | changes)


def test_attacked_and_clean_episodes_are_paired_and_a_guard_is_compared_with_none():
    table = run_malfunction(experiment())
    labels = [(row.condition.guard, row.condition.label) for row in table.rows]
    assert labels == [
        (guard, label) for guard in ("none", "repeat-limit") for label in ("clean", "loop / user", "paraphrase / user")
    ]
    clean, loop, noise, guarded, stopped, _ = table.rows
    assert {one.seed for one in clean.episodes} == {one.seed for one in stopped.episodes}
    assert loop.rates.net.estimate == pytest.approx(loop.rates.failure.estimate - clean.rates.failure.estimate)
    assert loop.rates.loops.estimate > 0.2
    assert loop.rates.amplification > 1.5
    assert stopped.rates.amplification < loop.rates.amplification
    assert stopped.rates.detected.estimate == loop.rates.loops.estimate
    assert noise.rates.net.estimate == 0
    assert clean.rates.net is clean.guard_effect is loop.guard_effect is None
    assert guarded.guard_effect.estimate == 0  # it costs nothing
    assert math.isnan(clean.share)
    assert 0.2 < loop.share < 0.8
    assert table.holm(loop) >= loop.rates.net.p_value
    assert [row.condition.attack for row in table.leaderboard()[:3]] == ["clean", "loop", "paraphrase"]


def test_a_run_resumes_to_the_same_table_and_refuses_another_plan(tmp_path):
    whole = run_malfunction(experiment(), out=tmp_path / "run", show=False)
    lines = (tmp_path / "run" / "episodes.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "run" / "episodes.jsonl").write_text("".join(lines[:47]))
    half = MalfunctionExperiment.tabulate(load_run(tmp_path / "run"))
    assert [len(row.episodes) for row in half.rows] == [20, 20]  # the third condition has no complete repetition
    again = run_malfunction(experiment(), out=tmp_path / "run", resume=True, show=False)
    assert again.to_markdown() == whole.to_markdown()
    assert again.to_csv() == (tmp_path / "run" / "leaderboard.csv").read_text()
    assert len(read_episodes(tmp_path / "run")) == 120
    with pytest.raises(RecordError):
        run_malfunction(experiment(attacks=("function",)), out=tmp_path / "run", resume=True)


def record(seed, success, **info):
    steps = [{"observation": "", "action": "", "reward": 0.0, "attack": {"malfunction": {"share": info.pop("share")}}}]
    outcome = "success" if success else "failure"
    return EpisodeRecord(seed, seed, outcome, {"agent": 0.0}, steps, info={"success": success, **info})


def test_breakdowns_count_an_episode_for_each_of_its_toolkits():
    clean, loop = Condition("a"), Condition("a", attack="loop", surface="user")
    before = [record(seed, True, share=0.0, task_toolkits="mail", n_tools=12) for seed in range(4)]
    after = [
        record(0, False, share=0.05, task_toolkits="mail", n_tools=10),
        record(1, False, share=0.3, task_toolkits="mail bank", n_tools=11),
        record(2, True, share=0.3, task_toolkits="bank", n_tools=15),
        record(3, True, share=0.9, task_toolkits="wiki", n_tools=16),
    ]
    found = break_down({clean: before, loop: after})
    kits = found.of(loop, "toolkit")
    assert {name: (row.failure.estimate, row.failure.n) for name, row in kits.items()} == {
        "bank": (0.5, 2), "mail": (1.0, 2), "wiki": (0.0, 1),
    }  # fmt: skip
    assert kits["mail"].net.estimate == 1.0
    assert list(found.of(loop, "number of tools")) == ["6-10", "11-15", "16-20"]
    assert {n: r.failure.n for n, r in found.of(loop, "adversarial share").items()} == {
        "0-10 %": 1, "25-50 %": 2, "50-100 %": 1,
    }  # fmt: skip
    assert found.of(clean, "adversarial share") == {}
    assert found.of(clean, "toolkit")["mail"].net is None


def test_attacks_are_played_on_the_surfaces_that_they_take():
    plan = experiment(attacks=("loop", "similar-characters"), surfaces=("tool", "user"), ratios=(None, 0.4))
    labels = [one.label for one in plan.conditions if one.guard == "none"]
    assert labels == [
        "clean", "loop / tool", "loop / tool / 0.4", "loop / user", "loop / user / 0.4",
        "similar-characters / user", "similar-characters / user / 0.4",
    ]  # fmt: skip
    with pytest.raises(ConfigurationError, match="takes the surfaces user, none of which"):
        experiment(surfaces=("tool",)).check()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attack_options": {"plac": "first"}}, "did you mean 'place'"),
        ({"guard_options": {"limits": 2}}, "did you mean 'limit'"),
        ({"attacks": ("loop", "loop")}, "given twice"),
        ({"seeds": ()}, "must not be empty"),
        ({"episodes": 0}, "episodes"),
        ({"guards": ("self-examination",)}, "name its engine"),
        ({"env": "CodeReason-v0"}, "in parts"),
    ],
)
def test_mistakes_are_reported_before_anything_is_played(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        run_malfunction(experiment(**changes))


def test_unknown_names_are_suggested():
    with pytest.raises(UnknownNameError, match="did you mean 'loop'"):
        experiment(attacks=("lop",))
    with pytest.raises(UnknownNameError, match="did you mean 'spotlight'"):
        experiment(guards=("spotligt",))


@pytest.mark.parametrize("name", LANGUAGE_ATTACKS)
def test_every_attack_works_on_every_surface_that_it_declares(name):
    for surface in LANGUAGE_ATTACKS.facts(name).surfaces:
        options = {"text": "describing.\\ + similarlyNow"} if name == "suffix" else {}
        env = attack_language(ToolUseEnv("mail-what-it-says"), name, surface=surface, **options)
        observation, info = env.reset(seed=0)
        while surface == "tool" and not info["attack"]["malfunction"]["results"]:
            observation, _, ended, _, info = env.step(env.unwrapped.solution())
            assert not ended
        about = info["attack"]["malfunction"]
        assert about["surface"] == surface
        assert about["characters"] > 0
        if about["payload"]:
            assert about["payload"].splitlines()[0] in observation.replace('\\"', '"').replace(2 * "\\", "\\")


@pytest.mark.parametrize("name", GUARDS)
def test_every_guard_wraps_an_agent_and_describes_itself(name):
    guarded = guard_agent(quintain.make_agent("susceptible"), name, engine="scripted:NO")
    assert guarded.describe()["guard"] == name
    report = quintain.evaluate("ToolUse-v0", guarded, episodes=2, env_kwargs={"tasks": "mail-reply"}, progress=False)
    assert report.errors == 0


def test_guards_are_nested_the_first_one_outermost():
    guarded = guard_agent("susceptible", "repeat-limit+call-budget", limit=2, max_calls=5)
    assert isinstance(guarded, RepeatLimit)
    described = guarded.describe()
    assert (described["limit"], described["agent"]["max_calls"]) == (2, 5)
    assert guard_agent(guarded, "none") is guarded
    with pytest.raises(ConfigurationError, match="no argument 'limits'; did you mean 'limit'"):
        guard_agent("susceptible", "repeat-limit", limits=2)
