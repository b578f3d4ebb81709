"""Episodes of ``CodeReason-v0`` from a list of actions."""


def play(env, *actions, seed=0):
    """Return what the last of the steps returned."""
    env.reset(seed=seed)
    for action in actions:
        step = env.step(action)
    return step


def code(program):
    return f"```python\n{program}\n```"
