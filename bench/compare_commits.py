"""Whether this checkout is slower, or takes more memory, than another commit: whole commands, timed in pairs.

In: a commit. Out: a table with the median ratio of times and its interval, a line a command; the exit status is 1 where
a command is slower (see `paired_ratios.py`), else 0.

    python bench/compare_commits.py 1476f89                        # `make bench BASE=1476f89`: a quarter of an hour
    python bench/compare_commits.py 1476f89 --only tags --only help --pairs 15
    python bench/compare_commits.py 1476f89 --python .venv/bin/python   # no environments: this one's for both
    python bench/compare_commits.py --memory                       # `listen` on 2 h against 10 min: some minutes

Each commit gets a worktree and a virtual environment in --cache, with the versions of this checkout's constraints.txt,
so that code is compared, not what it stands on; they are used again. Times include the start of Python. Pairs take
turns in which side goes first. Run it on a machine that does nothing else; what disturbs a pair widens the interval.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from paired_ratios import LEAST_PAIRS, SLOWER, Ratio, compare_pairs
from subprocesses import Run, run_measured
from whole_commands import COMMANDS, MEMORY, Command, make_recordings, write_recording

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = "torch,archive,plot"
MEMORY_SLACK_MIB = 20.0


@dataclass(frozen=True)
class Side:
    """A commit's source folder and the Python that runs it."""

    name: str
    tree: Path
    python: Path

    def run(self, line: str, paths: dict[str, Path]) -> Run:
        """Run one command line of earwitness, with the paths put in.

        Raises:
            RuntimeError: it ends with a status other than 0; what it wrote is in the message.
        """
        arguments = [each.format(**paths) for each in shlex.split(line)]
        return run_measured([str(self.python), "-m", "earwitness", *arguments], self._environment())

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(self.tree / "src"), "EARWITNESS_PROGRESS": "none", "COLUMNS": "100"}


class Progress:
    """One line on standard error: what runs, and about how long the rest takes."""

    def __init__(self, commands: dict[str, Command], n_pairs: int) -> None:
        self.run_s = {name: commands[name].guess_s for name in commands}
        self.n_left = dict.fromkeys(commands, 2 * (n_pairs + 1))

    def show(self, name: str, doing: str) -> None:
        """Show what is done next."""
        left_s = sum(self.run_s[each] * n for each, n in self.n_left.items())
        _say(f"{name}: {doing}; about {left_s / 60:.0f} min left")

    def count(self, name: str, seconds: float) -> None:
        """Note that a run took so long."""
        self.run_s[name] = seconds
        self.n_left[name] -= 1


def main() -> int:
    """Compare, print, and return 1 where something is slower or larger than it may be."""
    options = _parse()
    with tempfile.TemporaryDirectory(prefix="earwitness-bench-") as scratch:
        folder = Path(scratch)
        python = Path(options.python).absolute() if options.python else None  # not resolved: a venv's is a link
        here = prepare("working tree", ROOT, options.cache, python)
        if options.memory:
            return compare_memory(here, folder, options.hours)
        base = prepare(options.base, check_out(options.base, options.cache), options.cache, python)
        names = options.only or list(COMMANDS)
        commands = {name: COMMANDS[name] for name in names}
        ratios = time_pairs(base, here, commands, make_recordings(folder), options.pairs)
    if options.out:
        content = {"base": options.base, "ratios": {name: asdict(each) for name, each in ratios.items()}}
        options.out.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    slower = [name for name, each in ratios.items() if each.is_slower]
    print(f"\n{'slower: ' + ', '.join(slower) if slower else 'no command is slower'} (limit {SLOWER:g})")
    return int(bool(slower))


def time_pairs(
    base: Side, here: Side, commands: dict[str, Command], paths: dict[str, Path], n_pairs: int
) -> dict[str, Ratio]:
    """Time each command on both sides in turn, after a run of each that does not count, and print a line a command."""
    progress = Progress(commands, n_pairs)
    ratios = {}
    print(f"| command | {base.name} (s) | here (s) | ratio | interval | |\n|---|--:|--:|--:|---|---|", flush=True)
    for name, command in commands.items():
        times: dict[Side, list[float]] = {base: [], here: []}
        for number in range(n_pairs + 1):
            progress.show(name, f"pair {number} of {n_pairs}" if number else "a run of both that does not count")
            for side in (base, here) if number % 2 else (here, base):
                seconds = time_command(side, command, paths)
                progress.count(name, seconds)
                if number:
                    times[side].append(seconds)
        ratio = ratios[name] = compare_pairs(times[base], times[here])
        both = " | ".join(f"{sorted(times[side])[n_pairs // 2]:.3f}" for side in (base, here))
        verdict = "slower" if ratio.is_slower else "pass"
        _say("")
        interval = f"{ratio.low:.3f} to {ratio.high:.3f} ({ratio.coverage:.0%})"
        print(f"| {name} | {both} | {ratio.median:.3f} | {interval} | {verdict} |", flush=True)
    return ratios


def time_command(side: Side, command: Command, paths: dict[str, Path]) -> float:
    """Return the seconds of a command's lines together; what they write goes to a fresh folder, removed after."""
    with tempfile.TemporaryDirectory(dir=next(iter(paths.values())).parent) as out:
        return sum(side.run(line, {**paths, "out": Path(out)}).seconds for line in command.lines)


def compare_memory(side: Side, folder: Path, hours: float) -> int:
    """Print the peak memory of `listen` on 10 min and on many hours; return 1 where the second is much larger."""
    peaks = []
    for what, duration_s in (("10 min", 600.0), (f"{hours:g} h", 3600.0 * hours)):
        _say(f"making {what} of sound")
        sound = write_recording(folder / "sound.wav", duration_s, seed=4)
        _say(f"listening to {what} of sound")
        run = side.run(MEMORY, {"sound": sound, "out": folder / "out"})
        peaks.append(run.peak_mib)
        _say("")
        print(f"listen on {what}: {run.peak_mib:.0f} MiB at most, {run.seconds:.0f} s", flush=True)
    more_mib = peaks[1] - peaks[0]
    is_too_much = more_mib > MEMORY_SLACK_MIB
    print(f"{more_mib:+.0f} MiB, {'more than the' if is_too_much else 'within'} {MEMORY_SLACK_MIB:g} MiB allowed")
    return int(is_too_much)


def check_out(commit: str, cache: Path) -> Path:
    """Return a worktree of the commit, made if it is not there.

    Raises:
        SystemExit: git does not know the commit.
    """
    found = subprocess.run(
        ["git", "rev-parse", "--verify", f"{commit}^{{commit}}"], cwd=ROOT, capture_output=True, text=True
    )
    if found.returncode:
        raise SystemExit(f"{commit!r} is no commit of this repository: give BASE a hash, a tag or a branch")
    sha = found.stdout.strip()
    tree = cache / sha[:12] / "tree"
    if not (tree / "pyproject.toml").is_file():
        subprocess.run(["git", "worktree", "prune"], cwd=ROOT, check=True)
        command = ["git", "worktree", "add", "--force", "--detach", str(tree), sha]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return tree


def prepare(name: str, tree: Path, cache: Path, python: Path | None) -> Side:
    """Return a side with its virtual environment, made or brought up to date; with `python`, that one is taken."""
    if python is not None:
        return Side(name, tree, python)
    venv = (cache / "working" if tree == ROOT else tree.parent) / "venv"
    inside = venv / ("Scripts" if os.name == "nt" else "bin") / "python"
    inputs = [(tree / "pyproject.toml").read_bytes(), (ROOT / "constraints.txt").read_bytes(), EXTRAS.encode()]
    stamp, state = venv / "installed", hashlib.sha256(b"".join(inputs)).hexdigest()
    if not stamp.is_file() or stamp.read_text() != state:
        _say(f"making the environment of {name}")
        shutil.rmtree(venv, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        install = ["pip", "install", "--quiet", "-c", str(ROOT / "constraints.txt"), "-e", f"{tree}[{EXTRAS}]"]
        subprocess.run([str(inside), "-m", *install], check=True)
        stamp.write_text(state)
    return Side(name, tree, inside)


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", nargs="?", help="the commit to compare with: a hash, a tag or a branch")
    parser.add_argument("--only", action="append", choices=list(COMMANDS), help="only this command; may be repeated")
    parser.add_argument(
        "--pairs", type=int, default=LEAST_PAIRS, help=f"pairs of runs a command ({LEAST_PAIRS} or more)"
    )
    parser.add_argument("--python", help="an interpreter that has all dependencies, for both sides")
    parser.add_argument("--memory", action="store_true", help="measure peak memory on a long recording instead")
    parser.add_argument("--hours", type=float, default=2.0, help="how long that recording is (2)")
    parser.add_argument("--cache", type=Path, default=ROOT / ".bench", help="folder of worktrees and environments")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    options = parser.parse_args(arguments)
    options.cache = options.cache.absolute()
    if options.pairs < LEAST_PAIRS:
        parser.error(f"--pairs {options.pairs}: {LEAST_PAIRS} or more")
    if not options.memory and not options.base:
        parser.error("name the commit to compare with: make bench BASE=<commit>")
    return options


if __name__ == "__main__":
    sys.exit(main())
