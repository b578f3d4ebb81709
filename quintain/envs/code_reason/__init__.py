"""CodeReason-v0: questions that words, code, or both can answer."""

from quintain.envs.code_reason.registry import load_task, register_task, select_tasks, task_names

__all__ = ["load_task", "register_task", "select_tasks", "task_names"]
