"""Gateways whose wall clock goes wrong: _clock.c is loaded into them."""

import os
import struct

import _rig as rig


class Clock:
    """A gateway's wall clock, which goes wrong as it is told."""

    def __init__(self, name, seconds):
        self.path = rig.tmp(name)
        self.step(seconds)
        options = os.environ.get("ASAN_OPTIONS", "detect_leaks=1") + ":verify_asan_link_order=0:quarantine_size_mb=8"
        library = os.path.join(os.environ.get("SLUICE_BUILD") or os.path.dirname(rig.SLUICE), "test", "flow_clock.so")
        self.env = {"CLOCK_FILE": self.path, "LD_PRELOAD": library, "ASAN_OPTIONS": options}

    def step(self, seconds):
        with open(self.path, "r+b" if os.path.exists(self.path) else "wb") as f:
            f.write(struct.pack("=q", seconds))
