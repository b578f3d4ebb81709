"""ConceptShift-v0: classify a stream of samples whose labels change their meaning."""

from quintain.envs.concept_shift.data import DATA_SETS, LabelledData, load_data
from quintain.envs.concept_shift.stream import Stream, StreamSettings, Swap, make_stream

__all__ = ["DATA_SETS", "LabelledData", "Stream", "StreamSettings", "Swap", "load_data", "make_stream"]
