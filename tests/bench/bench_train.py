"""Training beside a plain loop, pythae's trainer and Lightning's: `aetui bench`, with its limits: ``make bench``."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

COMMAND = str(Path(sys.executable).parent / "aetui")
LIMITS = {
    "ratio_plain_loop": 3.0,
    "ratio_pythae": 1.6,
    "ratio_lightning": 3.0,
    "ratio_plain_loop_loaded": 5.0,
    "ratio_concurrent": 1.5,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = ["--quick"] if parser.parse_args().quick else []
    done = subprocess.run([COMMAND, "bench", "--json", *quick], stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    for name, speed in found["images_per_second"].items():
        print(f"{name:<16} {speed:8,.0f} images/s")
    for key, limit in LIMITS.items():
        if found[key] is None:
            print(f"{key:<24} skipped: {found['why_null'][key]}")
            continue
        low, high = found["spread"][key]
        verdict = "ok" if found[key] >= limit else "MISSED"
        print(f"{key:<24} {found[key]:5.2f}  {low:.2f} to {high:.2f}  {verdict} ({limit})")
    print(
        f"{found['workers']} workers of {found['threads']} thread on {found['cores']} cores, {found['device']}, "
        f"torch {found['versions']['torch']}, {found['kernels']} kernels, "
        f"seed {found['seed']}, {found['rounds']} rounds, {found['git_commit']}"
    )


if __name__ == "__main__":
    main()
