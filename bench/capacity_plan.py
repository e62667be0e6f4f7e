"""What so many hours of audio take in machines, bytes and money: arithmetic on what bench/capacity.py has measured.

In: hours, days, processor seconds and megabytes by hour of audio, prices. Out: printed sums. Prices are assumptions
to be changed; measured are only the processor seconds and the megabytes.

    python bench/capacity_plan.py                                   # fp32, FLAC of 48 kHz in stereo
    python bench/capacity_plan.py --cpu 15 --name int8
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

HOURS_A_DAY = 24


@dataclass(frozen=True)
class Plan:
    """What is measured of an hour of audio, and what is assumed of machines and prices."""

    hours: float
    days: float
    cpu: float  # processor seconds to hear 16 kHz FLAC
    decode: float  # further processor seconds where decoding takes longer than that
    audio_mb: float
    store_mb: float
    catalogue_kb: float
    use: float  # share of the processors that is used
    vcpus: int  # of a machine
    vcpu_price: float  # an hour
    gb_price: float  # a month

    def sums(self) -> list[tuple[str, str]]:
        """Return what it comes to, in words and numbers."""
        core_hours = self.hours * (self.cpu + self.decode) / 3600
        paid = core_hours / self.use
        cores = paid / (self.days * HOURS_A_DAY)
        mb_a_second = self.hours * self.audio_mb / (self.days * 86400)
        store_gb, audio_gb = self.hours * self.store_mb / 1e3, self.hours * self.audio_mb / 1e3
        return [
            ("core-hours of work", f"{core_hours:,.0f}"),
            (f"core-hours paid, at {self.use:.0%} use", f"{paid:,.0f}"),
            (f"cores for {self.days:g} days", f"{cores:,.0f}"),
            (f"machines of {self.vcpus} vCPUs", f"{-(-cores // self.vcpus):,.0f}"),
            ("money for computing, once", f"$ {paid * self.vcpu_price:,.0f}"),
            ("audio", f"{audio_gb / 1e3:,.0f} TB"),
            ("reading it", f"{mb_a_second:,.0f} MB/s ({mb_a_second * 8 / 1e3:,.1f} Gbit/s)"),
            ("money for keeping the audio, a month", f"$ {audio_gb * self.gb_price:,.0f}"),
            ("store", f"{store_gb / 1e3:,.2f} TB"),
            ("money for keeping the store, a month", f"$ {store_gb * self.gb_price:,.0f}"),
            ("memory of the catalogue, as one store", f"{self.hours * self.catalogue_kb / 1e6:,.1f} GB"),
        ]


def main() -> None:
    """Print the sums."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default="fp32")
    parser.add_argument("--hours", type=float, default=1e6)
    parser.add_argument("--days", type=float, default=7.0)
    parser.add_argument("--cpu", type=float, default=25.8, help="s an hour, measured on 16 kHz FLAC")
    parser.add_argument("--decode", type=float, default=4.4, help="s an hour more, for 48 kHz stereo FLAC")
    parser.add_argument("--audio-mb", type=float, default=430.0)
    parser.add_argument("--store-mb", type=float, default=1.7)
    parser.add_argument("--catalogue-kb", type=float, default=7.2)
    parser.add_argument("--use", type=float, default=0.85)
    parser.add_argument("--vcpus", type=int, default=16)
    parser.add_argument("--vcpu-price", type=float, default=0.04, help="assumed, $ an hour")
    parser.add_argument("--gb-price", type=float, default=0.023, help="assumed, $ a month")
    options = vars(parser.parse_args())
    print(f"{options.pop('name')}, {options['hours']:,.0f} hours of audio")
    for name, value in Plan(**options).sums():
        print(f"{name:40s} {value}")


if __name__ == "__main__":
    main()
