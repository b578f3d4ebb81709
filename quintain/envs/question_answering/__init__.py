"""Questions of a data set, with scorers of the replies."""

from __future__ import annotations

from quintain.envs.question_answering.items import Item
from quintain.envs.question_answering.scorers import SCORERS
from quintain.envs.question_answering.verdict import Verdict

__all__ = ["SCORERS", "Item", "Verdict"]
