"""Experiments: named studies of many cells, each with its table and its page."""
