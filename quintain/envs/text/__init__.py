"""Text tasks: the contract of problems, answers and scores that every family of text environments shares."""
