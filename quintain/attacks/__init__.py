"""What goes wrong: attacks as wrappers with an explicit budget."""
