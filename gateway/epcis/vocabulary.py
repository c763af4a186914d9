"""The words of the Core Business Vocabulary 2.0 that may stand bare in EPCIS JSON, and what they expand to.

Facts of the standard only; which of them mean a change of custody is decided in gateway.epcis.facts.
"""

from typing import Final

CBV: Final = "https://ref.gs1.org/cbv/"
GS1: Final = "https://gs1.org/voc/"

STANDARD_PREFIXES: Final = {
    "epcis": "https://ref.gs1.org/epcis/",
    "cbv": CBV,
    "cbvmda": "urn:epcglobal:cbv:mda:",
    "gs1": GS1,
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "dcterms": "http://purl.org/dc/terms/",
}
"""Prefixes that the EPCIS 2.0 JSON-LD context declares."""

CBV_URN: Final = {
    "bizstep": CBV + "BizStep-",
    "disp": CBV + "Disp-",
    "btt": CBV + "BTT-",
    "sdt": CBV + "SDT-",
    "er": CBV + "ER-",
    "comp": CBV + "Comp-",
}
"""What follows "urn:epcglobal:cbv:" in CBV 1.x, and its web vocabulary prefix."""

_BIZ_STEPS = """accepting arriving assembling collecting commissioning consigning creating_class_instance cycle_counting
decommissioning departing destroying disassembling dispensing encoding entering_exiting holding inspecting installing
killing loading other packing picking receiving removing repackaging repairing replacing reserving retail_selling
sampling sensor_reporting shipping staging_outbound stock_taking stocking storing transporting unloading unpacking
void_shipping"""

_DISPOSITIONS = """active available completeness_inferred completeness_verified conformant container_closed
container_open damaged destroyed dispensed disposed encoded expired in_progress in_transit inactive mismatch_class
mismatch_instance mismatch_quantity needs_replacement no_pedigree_match non_conformant non_sellable_other
partially_dispensed recalled reserved retail_sold returned sellable_accessible sellable_not_accessible stolen
unavailable unknown"""

_TRANSACTION_TYPES = "bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt"
_PARTY_TYPES = "location owning_party possessing_party"
_COMPONENTS = """altitude axial_distance azimuth easting elevation_angle height latitude longitude northing
polar_angle spherical_radius x y z"""
_EXCEPTIONS = "ALARM_CONDITION ERROR_CONDITION"

_MEASUREMENTS = """AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Altitude AmountOfSubstance
AmountOfSubstancePerUnitVolume Angle AngularAcceleration AngularMomentum AngularVelocity Area Capacitance Conductance
Conductivity Count Density Dimensionless DoseEquivalent DoseEquivalentRate DynamicViscosity ElectricCharge
ElectricCurrent ElectricCurrentDensity ElectricFieldStrength Energy Exposure Force Frequency Illuminance Inductance
Irradiance KinematicViscosity Length LinearMomentum Luminance LuminousFlux LuminousIntensity MagneticFlux
MagneticFluxDensity MagneticVectorPotential Mass MassConcentration MassFlowRate MassPerAreaTime MemoryCapacity
MolalityOfSolute MolarEnergy MolarMass MolarVolume Power Pressure RadiantFlux RadiantIntensity Radioactivity
RelativeHumidity Resistance Resistivity SolidAngle SpecificVolume Speed SurfaceDensity SurfaceTension Temperature Time
Torque Voltage Volume VolumeFlowRate VolumeFraction VolumetricFlux Wavenumber"""


def _words(text: str, expansion: str) -> dict[str, str]:
    return {word: expansion + word for word in text.split()}


BIZ_STEPS: Final = _words(_BIZ_STEPS, CBV_URN["bizstep"])
DISPOSITIONS: Final = _words(_DISPOSITIONS, CBV_URN["disp"])
TRANSACTION_TYPES: Final = _words(_TRANSACTION_TYPES, CBV_URN["btt"])
PARTY_TYPES: Final = _words(_PARTY_TYPES, CBV_URN["sdt"])
COMPONENTS: Final = _words(_COMPONENTS, CBV_URN["comp"])
MEASUREMENTS: Final = _words(_MEASUREMENTS, GS1)
EXCEPTIONS: Final = _words(_EXCEPTIONS, GS1)
NO_WORDS: Final[dict[str, str]] = {}
"""For fields whose values are URIs only."""
