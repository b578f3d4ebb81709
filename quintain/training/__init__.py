"""Training: whatever changes a policy from one episode to the next."""
