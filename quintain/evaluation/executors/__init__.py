"""Where episodes are played: in this process, in worker processes, on other machines."""
