"""The page of a run, and the page that shows two runs side by side."""

from quintain.evaluation.html.comparison import write_comparison
from quintain.evaluation.html.page import write_report

__all__ = ["write_comparison", "write_report"]
