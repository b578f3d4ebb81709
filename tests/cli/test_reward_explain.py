"""``quintain reward explain``: the grid, the certificate, the files, and the mistakes that it names."""

from __future__ import annotations

from pathlib import Path

import pytest


def test_a_reward_is_designed_drawn_and_stored(quintain, tmp_path: Path):
    pytest.importorskip("matplotlib")
    files = ("--save", str(tmp_path / "reward.npz"), "--picture", str(tmp_path / "reward.png"))
    done = quintain("reward", "explain", "Tabular/LineKey-v0", "-s", "budget=1", *files)
    assert done.code == 0, done.text
    assert "state 1 (row 0, column 1, without the key)" in done.out
    assert "optimal actions        the same" in done.out
    assert (tmp_path / "reward.png").is_file()
    again = quintain("reward", "explain", "Tabular/LineKey-v0", "--reward", str(tmp_path / "reward.npz"))
    assert again.code == 0, again.text
    assert again.out.splitlines()[:4] == done.out.splitlines()[:4]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("CartPole-v1",), "no finite MDP"),
        (("FrozenLake-v1", "--gamma", "1"), "gamma must be in"),
        (("FrozenLake-v1", "--shaping", "expr"), "did you mean 'exprd'"),
        (("FrozenLake-v1", "--shaping", "pbrs", "-s", "budget=1"), "pbrs has no settings"),
        (("FrozenLake-v1", "-s", "budjet=1"), "unknown setting"),
        (("FrozenLake-v1", "--reward", "missing.npz"), "no designed reward"),
    ],
)
def test_mistakes_are_named(quintain, arguments: tuple[str, ...], words: str):
    done = quintain("reward", "explain", *arguments)
    assert done.code == 1
    assert words in " ".join(done.text.split())
