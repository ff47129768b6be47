"""A stand-in for the Test IO Customer API v2, with faults that come when they are called."""

from simulator.options import PlainFeatures, SimulatorOptions
from simulator.problems import InvalidInputError, UnknownIdError
from simulator.running import Simulator

__all__ = ["InvalidInputError", "PlainFeatures", "Simulator", "SimulatorOptions", "UnknownIdError"]
