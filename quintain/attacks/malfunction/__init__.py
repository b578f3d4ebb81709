"""Attacks that make agents with tools malfunction: instructions and noise in what they read, within a budget."""

from quintain.attacks.malfunction.payload import Kind, Payload, least_relevant, make_payload
from quintain.attacks.malfunction.surfaces import Place
from quintain.attacks.malfunction.wrapper import METHODS, SURFACES, TYPES, MalfunctionAttack, Method, Surface

__all__ = [
    "METHODS",
    "SURFACES",
    "TYPES",
    "Kind",
    "MalfunctionAttack",
    "Method",
    "Payload",
    "Place",
    "Surface",
    "least_relevant",
    "make_payload",
]
