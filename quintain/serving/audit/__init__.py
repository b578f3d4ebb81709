"""``quintain audit``: whether an environment found elsewhere keeps its own contract."""

from quintain.serving.audit.auditing import audit, write_audit
from quintain.serving.audit.junk import junk_answers
from quintain.serving.audit.rows import AuditReport, Row

__all__ = ["AuditReport", "Row", "audit", "junk_answers", "write_audit"]
