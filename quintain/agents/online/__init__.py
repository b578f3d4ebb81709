"""Agents that adapt within one episode."""
