#!/usr/bin/env python3
"""Install postern into a temporary prefix; build and run a consumer of it by both routes, with both libraries.

usage: run.py --build DIR [--cmake CMAKE] [--generator NAME] [--cc CC] [--flags FLAGS]

FLAGS are what every program linked with an instrumented library needs (-fsanitize=..., --coverage).
"""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def run(command, **kwargs):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **kwargs)
    if done.returncode != 0:
        print(f"failed: {shlex.join(str(word) for word in command)}\n{done.stdout}{done.stderr}", file=sys.stderr)
        sys.exit(1)
    return done.stdout


def main():
    parser = argparse.ArgumentParser(description="Build consumers from an installed tree.")
    parser.add_argument("--build", required=True, type=Path)
    parser.add_argument("--cmake", default="cmake")
    parser.add_argument("--generator", default="Ninja")
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--flags", default="")
    args = parser.parse_args()
    flags = shlex.split(args.flags)

    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        # Installed in one place and used from another: nothing in it may depend on where it was put.
        run([args.cmake, "--install", args.build, "--prefix", tmp / "first"])
        prefix = tmp / "prefix"
        (tmp / "first").rename(prefix)
        library_dir = next(prefix.rglob("libpostern.so")).parent
        if list(prefix.rglob("mbedtls*.h")):
            sys.exit("headers of Mbed TLS were installed: they are private")

        env = dict(os.environ)
        for name, folder in (("LD_LIBRARY_PATH", library_dir), ("PKG_CONFIG_PATH", library_dir / "pkgconfig")):
            env[name] = f"{folder}:{env[name]}" if env.get(name) else str(folder)
        for linkage in ("shared", "static"):
            build = tmp / f"cmake-{linkage}"
            run([args.cmake, "-S", HERE, "-B", build, "-G", args.generator, f"-DCMAKE_PREFIX_PATH={prefix}",
                 f"-DLINKAGE={linkage}", f"-DCMAKE_C_COMPILER={args.cc}", f"-DCMAKE_C_FLAGS={args.flags}"])  # fmt: skip
            run([args.cmake, "--build", build])
            report("find_package", linkage, build / "consumer", env)

            static = ["--static"] if linkage == "static" else []
            found = shlex.split(run(["pkg-config", *static, "--cflags", "--libs", "postern"], env=env))
            if static:
                # The archive, where both are in one folder and the linker would take the shared library.
                found = [str(library_dir / "libpostern.a") if word == "-lpostern" else word for word in found]
            program = tmp / f"pkg-config-{linkage}"
            run([args.cc, "-std=c11", *flags, "-o", program, HERE / "main.c", *found])
            report("pkg-config", linkage, program, env)


def report(route, linkage, program, env):
    needs = run(["ldd", program])
    if ("libpostern" in needs) != (linkage == "shared"):
        sys.exit(f"{route}, {linkage}: linked with the other library:\n{needs}")
    print(f"{route}, {linkage}: {run([program], env=env).strip()}")


if __name__ == "__main__":
    main()
