"""Where episodes are played: in this process, in worker processes, on other machines."""

from quintain.evaluation.executors.executor import EXECUTORS, Executor, Receiver, Work

__all__ = ["EXECUTORS", "Executor", "Receiver", "Work"]
