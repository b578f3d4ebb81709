"""SelfCorrect-v0: a second attempt at the question of any environment that one reply ends."""

from quintain.envs.self_correct.metrics import correction_metrics, edit_histogram, edit_ratio

__all__ = ["correction_metrics", "edit_histogram", "edit_ratio"]
