import pytest

pytest.importorskip("stable_baselines3")

from quintain.training.control.recipes import RECIPES, Recipe
from quintain.training.control.settings import PPOSettings


def test_a_trained_policy_is_listed_with_its_capabilities(quintain, tmp_path, monkeypatch):
    monkeypatch.setenv("QUINTAIN_CACHE", str(tmp_path))
    small = Recipe(
        "Pendulum-v1", ppo=PPOSettings(n_envs=2, n_steps=64), n_eval_episodes=1, published={"a paper": -150.0}
    )
    monkeypatch.setitem(RECIPES, "pendulum", small)
    before = quintain("policies", "list")
    assert "- pendulum Pendulum-v1 300,000 steps, PPO" in before.text
    assert quintain("policies", "list", "--markdown").out.count("\n") == 2
    trained = quintain("policies", "train", "pendulum", "--steps", 128)
    assert "published: -150 (a paper)" in trained.text
    assert "trained pendulum Pendulum-v1 128 steps, PPO, return -" in quintain("policies", "list").text
    head, _, row = quintain("policies", "list", "--markdown").out.splitlines()
    cells = dict(zip(head.split(" | "), row.split(" | "), strict=True))
    assert cells["environment"] == "Pendulum-v1"
    assert (cells["steps"], cells["success"], cells["published"]) == ("128", "-", "-150 (a paper)")
    assert float(cells["return"].split(" ± ")[0]) < 0


def test_mujoco_warnings_are_shown_once_and_not_logged_to_a_file(quintain, tmp_path, monkeypatch):
    """MuJoCo itself warns at every compilation, here once per episode, and logs to a file in the current folder."""
    mujoco = pytest.importorskip("mujoco")
    monkeypatch.setenv("QUINTAIN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("quintain.cli.mujoco_warnings._seen", set())
    monkeypatch.setitem(
        RECIPES, "cheetah", Recipe("HalfCheetah-v5", ppo=PPOSettings(n_envs=2, n_steps=64), n_eval_episodes=2)
    )
    before = mujoco.get_mju_user_warning()
    try:
        text = quintain("policies", "train", "cheetah", "--steps", 128).text
    finally:
        mujoco.set_mju_user_warning(before)
    assert text.count("MuJoCo: compiler attribute") <= 1  # none in MuJoCo versions without this warning
    assert not (tmp_path / "MUJOCO_LOG.TXT").exists()
