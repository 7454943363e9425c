#!/usr/bin/env python3
"""Check that a shared libpostern exports exactly what the public headers declare with PST_API.

usage: check_exports.py LIBRARY HEADERS_DIR
"""

import re
import subprocess
import sys
from pathlib import Path

DECLARED = re.compile(r"\bPST_API\b[^;{}]*?\b(\w+)\s*(?:\(|;|\[)")


def main():
    library, headers = sys.argv[1:]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(Path(headers).glob("*.h")))
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.DOTALL)
    text = re.sub(r"^[ \t]*#.*$", " ", text, flags=re.MULTILINE)
    declared = set(DECLARED.findall(text))
    listing = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    exported = {line.split()[-1].split("@")[0] for line in listing.splitlines()}

    problems = [f"exported, but not ours: {name}" for name in sorted(exported) if not name.startswith("pst_")]
    problems += [f"exported, but in no public header: {name}"
                 for name in sorted(exported - declared) if name.startswith("pst_")]  # fmt: skip
    problems += [f"declared with PST_API, but not exported: {name}" for name in sorted(declared - exported)]
    if not declared or not exported:
        problems.append("nothing declared or nothing exported: nothing was checked")
    print("\n".join(problems), file=sys.stderr)
    print(f"exports: {len(exported)} exported, {len(declared)} declared, {len(problems)} problem(s)")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
