"""Samplers of posteriors, as step rules. A new one is a file here and a line below."""

from vrtune.chains.chain import Chain, ChainRule
from vrtune.chains.mala import MALA
from vrtune.chains.sghmc import SGHMC
from vrtune.chains.sgld import SGLD

CHAINS: dict[str, type[Chain]] = {"sgld": SGLD, "sghmc": SGHMC, "mala": MALA}
