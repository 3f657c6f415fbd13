"""A DVC repository of three tiny stages, made new for each test."""

import shutil
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]

DVC_YAML = """
stages:
  total:
    cmd: python step.py data/doubled data/total
    deps: [step.py, data/doubled]
    outs: [data/total]
  double:
    cmd: python step.py data/numbers data/doubled
    deps: [step.py, data/numbers]
    params: [factor]
    outs: [data/doubled]
  show:
    cmd: python step.py data/total report.txt
    deps: [step.py, data/total]
    metrics:
      - report.txt:
          cache: true
"""

STEP = """
import os, subprocess, sys, time
from pathlib import Path

source, target = Path(sys.argv[1]), Path(sys.argv[2])
behaviour = Path("behaviour.txt").read_text() if Path("behaviour.txt").exists() else "copy"
print(f"making {target}")
match behaviour.split():
    case ["copy"]:
        target.write_text(source.read_text() + "+")
    case ["exit", code, *words]:
        print(" ".join(words), file=sys.stderr)
        sys.exit(int(code))
    case ["hang"]:
        target.write_text("half")
        Path(f"hanging-{target.name}").write_text(str(os.getpid()))
        time.sleep(600)
        target.write_text("written after its parent was gone")
    case ["grow", mib]:
        other = subprocess.Popen([sys.executable, "-c", f"import time; held = b'x' * ({mib} << 20); time.sleep(4)"])
        held = b"x" * (int(mib) << 20)
        other.wait()
        target.write_text(source.read_text() + "+")
    case ["meet"]:
        Path(f"here-{target.name}").touch()
        end = time.monotonic() + 60
        while len(list(Path().glob("here-*"))) < 2:
            if time.monotonic() > end:
                sys.exit("the other never came")
            time.sleep(0.05)
        target.write_text("met")
    case ["kill"]:
        os.kill(os.getpid(), 9)
"""

BESIDE = """
  beside:
    cmd: python step.py data/numbers data/beside
    deps: [step.py, data/numbers]
    outs: [data/beside]
"""


def with_stage_beside(toy: Path) -> None:
    """One that reads what `double` reads, and nothing that it makes."""
    (toy / "dvc.yaml").write_text(DVC_YAML + BESIDE)


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """Not in git: DVC has to be told so. The order in its dvc.yaml is not the order of the work."""
    (tmp_path / ".dvc").mkdir()
    shutil.copy(PROJECT / ".dvc" / "config", tmp_path / ".dvc" / "config")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "numbers").write_text("1")
    (tmp_path / "dvc.yaml").write_text(DVC_YAML)
    (tmp_path / "params.yaml").write_text("factor: 2\n")
    (tmp_path / "step.py").write_text(STEP)
    return tmp_path
