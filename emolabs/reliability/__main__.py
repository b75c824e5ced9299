"""Measure what a profile's 60_reliability reads: ``python -m emolabs.reliability [profile]``, where its runs are.

What `params/<profile>/60_reliability.yaml` names is measured as far as it lacks; interrupted, it goes on where it was.
"""

import argparse
import sys

from emolabs import params, paths
from emolabs.experiments import partitions
from emolabs.reliability import choice, degradation, robustness, validation


def main() -> None:
    """Measure, and say what was missing; ends with 1 where something was."""
    parser = argparse.ArgumentParser(prog="python -m emolabs.reliability", description=__doc__)
    parser.add_argument("profile", nargs="?", default="thesis", help="whose runs are measured (thesis)")
    profile = parser.parse_args().profile
    try:
        given = params.load(profile, "60_reliability")
        found = partitions.read(profile).every
        chosen = choice.calibrated(
            found, protocols=given["protocols"], pipelines=given["pipelines"], seed=given["seed"]
        )
        missing = validation.measure(chosen, profile=profile)
        degraded = choice.degraded(found, rows=given["degraded"], seed=given["seed"])
        clips = robustness.subset(degraded, per_cell=given["clips_per_cell"], seed=given["seed"])
        rows = degradation.get(given["degradations"])
        missing += robustness.measure(degraded, profile=profile, clips=clips, degradations=rows, seed=given["seed"])
    except (FileNotFoundError, LookupError, ValueError) as error:
        sys.exit(str(error))
    print(*dict.fromkeys(missing), f"measured: {paths.reliability(profile).relative_to(paths.ROOT)}", sep="\n")
    sys.exit(int(bool(missing)))


if __name__ == "__main__":
    main()
