"""TextArena: its loop over one environment, which records nothing."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import textarena as ta
from arithmetic import is_right, pose, solve
from worker import serve


class Arithmetic(ta.Env):
    """The task as a game for one player: the state seeds the global generator, as in TextArena's own games."""

    def reset(self, num_players: int, seed: int | None = None) -> None:
        """Pose a question."""
        self.state = ta.SinglePlayerState(num_players=num_players, seed=seed, max_turns=1)
        question, answer = pose(random)
        self.state.reset(
            game_state={"question": question, "answer": answer}, player_prompt_function=self._generate_player_prompt
        )

    def _generate_player_prompt(self, player_id: int, game_state: dict[str, Any]) -> str:
        return str(game_state["question"])

    def step(self, action: str) -> tuple[bool, dict[str, Any]]:
        """Judge the reply."""
        right = is_right(action, self.state.game_state["answer"])
        self.state.set_outcome(reward=float(right), reason="right" if right else "wrong")
        return self.state.step()


def loop(seeds: Sequence[int]) -> int:
    """Play one episode after the other."""
    env = Arithmetic()
    right = 0
    for seed in seeds:
        env.reset(num_players=1, seed=seed)
        over = False
        while not over:
            _, messages = env.get_observation()
            over, _ = env.step(solve(messages[0][1]))
        rewards, _ = env.close()
        right += rewards[0] == 1
    return right


if __name__ == "__main__":
    serve({"TextArena: loop": loop})
