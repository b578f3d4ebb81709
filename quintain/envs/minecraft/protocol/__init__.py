"""Worlds over Minecraft's network protocol: a Node process with mineflayer clients and a flying-squid server.

See :mod:`~quintain.envs.minecraft.protocol.simulator` for how it works.
"""
