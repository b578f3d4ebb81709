"""Our own solutions of the library's questions, from nothing but their text.

A solver takes a question and returns an answer, or raises ``Unclear`` if the question has none or several. The
library's answer and ours are computed independently; items on which they differ are not used.
"""

from quintain.envs.code_reason.reasoning_gym._solvers._reading import Unclear

__all__ = ["Unclear"]
