"""``quintain reward design``: the folder that it writes, and the mistakes that it names."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("stable_baselines3")
pytest.importorskip("mujoco")

SMALL = ("--rounds", "1", "--steps", "32", "--episodes", "2", "--no-clips", "-s", "n_envs=2", "-s", "n_steps=16",
         "-s", "batch_size=16")  # fmt: skip


def test_a_search_writes_reward_rounds_and_page(quintain, tmp_path: Path):
    out = tmp_path / "run"
    done = quintain("reward", "design", "Tabletop/Push-v0", *SMALL, "--out", str(out))
    assert done.code == 0, done.text
    assert "no language model" in done.text
    assert "round 0: success" in done.text
    assert {path.name for path in (out / "rounds" / "0").iterdir()} >= {"reward.py", "round.json", "policy.zip"}
    assert "math.dist(puck, goal)" in (out / "reward.py").read_text(encoding="utf-8")
    again = quintain("reward", "design", "Tabletop/Push-v0", *SMALL, "--out", str(out), "--resume")
    assert again.code == 0, again.text
    assert (out / "report.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("CartPole-v1",), "declares no inputs"),
        (("Tabletop/Pusch-v0",), "did you mean"),
        (("Tabletop/Push-v0", "--designer-arg", "wrong=1"), "progress, explore, look_guard"),
        (("Tabletop/Push-v0", "-s", "n_env=3"), "unknown setting"),
        (("Tabletop/Push-v0", "--resume"), "--resume needs --out"),
    ],
)
def test_mistakes_are_named(quintain, tmp_path: Path, arguments: tuple[str, ...], words: str):
    out = () if "--resume" in arguments else ("--out", str(tmp_path / "run"))
    done = quintain("reward", "design", *arguments, *out)
    assert done.code == 1
    assert words in " ".join(done.text.split())
