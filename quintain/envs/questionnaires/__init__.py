"""Questionnaires: personality tests and other instruments, one item an episode."""

from quintain.envs.questionnaires.instrument import Instrument, Item, Option
from quintain.envs.questionnaires.library import instrument_names, load_instrument
from quintain.envs.questionnaires.orders import OrderSet, order_set
from quintain.envs.questionnaires.original import load_original
from quintain.envs.questionnaires.reading import Reading, read_choice
from quintain.envs.questionnaires.templates import Template, load_template, template_names

__all__ = [
    "Instrument",
    "Item",
    "Option",
    "OrderSet",
    "Reading",
    "Template",
    "instrument_names",
    "load_instrument",
    "load_original",
    "load_template",
    "order_set",
    "read_choice",
    "template_names",
]
