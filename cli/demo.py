"""The demo consortium of a local cluster: its organisations, the parties that sign for them, and its contracts."""

from importlib.resources import files
from typing import Final

from chain.genesis import GenesisContract
from chain.values import dataclass


@dataclass(frozen=True, slots=True)
class Party:
    """A demo organisation and the roles of its operating member."""

    organisation: str
    name: str
    roles: tuple[str, ...]
    """Sorted."""

    @property
    def member_id(self) -> str:
        """The member who signs for it in the stories."""
        return f"{self.organisation}.ops"

    @property
    def administrator_id(self) -> str:
        """The member who registers others."""
        return f"{self.organisation}.admin"


PARTIES: Final = (
    Party("brightvax", "BrightVax Biologicals", ("brand", "manufacturer")),
    Party("bsp", "Central bank of the recipient's side", ("regulator",)),
    Party("cityclinic", "City Clinic", ("retailer",)),
    Party("clearbank", "ClearBank Settlement", ("settlement_bank",)),
    Party("fxhouse", "FX House", ("fx_provider",)),
    Party("healthauth", "Health Authority", ("regulator",)),
    Party("hkma", "Monetary authority of the sender's side", ("regulator",)),
    Party("hkwallet", "Harbour Wallet", ("institution",)),
    Party("medidist", "MediDist Wholesale", ("warehouse",)),
    Party("northwind", "Northwind Carriers", ("carrier",)),
    Party("phwallet", "Island Wallet", ("institution",)),
)
"""Sorted by organisation."""

NODE_OPERATORS: Final = ("brightvax", "clearbank", "hkwallet", "healthauth", "phwallet", "medidist", "northwind")
"""Organisations that run the cluster's nodes, in turn."""

CONTRACTS: Final = ("traceability", "remittance")


def library_contracts() -> tuple[GenesisContract, ...]:
    """Return the contracts that ship with Tallystick, as genesis deploys them."""
    library = files("contracts") / "library"
    return tuple(GenesisContract(name, (library / f"{name}.py").read_text(encoding="utf-8"), ()) for name in CONTRACTS)
