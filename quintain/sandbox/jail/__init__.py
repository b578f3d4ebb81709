"""Code that runs inside the confinement: the fork server and its children.

This package is imported twice. The host imports it as ``quintain.sandbox.jail`` for the names both sides share. The
fork server loads the same files under the name ``_quintain_jail`` into a plain interpreter that never sees the rest of
Quintain, so every import in here is either relative or from the standard library.
"""
