"""Writes what the image holds as a CycloneDX 1.5 bill of materials: every installed distribution, and the model.

Run by the interpreter whose packages it lists: python docker/sbom.py > sbom.cdx.json
"""

import json
import sys
from importlib.metadata import Distribution, distributions
from typing import Any


def component(found: Distribution) -> dict[str, Any]:
    """One distribution as CycloneDX says it: https://cyclonedx.org/docs/1.5/json/#components"""
    name, version, told = found.metadata["Name"], found.version, found.metadata
    said = told.get("License-Expression") or told.get("License", "").partition("\n")[0]
    purl = f"pkg:pypi/{name.lower().replace('_', '-')}@{version}"
    licences = [{"expression": said}] if told.get("License-Expression") else [{"license": {"name": said or "unknown"}}]
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "licenses": licences,
    }


def bill() -> dict[str, Any]:
    """The whole document, in the order of the names."""
    parts = {each["purl"]: each for each in map(component, distributions())}
    ours = next((each for each in parts.values() if each["name"] == "overwatch-hub"), {"name": "overwatch-hub"})
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {**ours, "type": "application"}},
        "components": [parts[purl] for purl in sorted(parts) if parts[purl]["name"] != "overwatch-hub"],
    }


if __name__ == "__main__":
    json.dump(bill(), sys.stdout, indent=1)
