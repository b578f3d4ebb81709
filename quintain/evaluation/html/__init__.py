"""The report page of a run: one self-contained HTML file."""

from quintain.evaluation.html.page import write_report

__all__ = ["write_report"]
