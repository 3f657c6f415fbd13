"""Against the real dvc, in a repository of three tiny stages."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import yaml

from tasks.errors import BrokenCheckError, DataContractError, ParamsError, ShoprecError, TransientError
from tasks.versioning import (
    StageRun,
    changes,
    hashes,
    inputs,
    lock_of,
    prepare,
    push,
    recipe_digest,
    reproduce,
    stage_order,
    track,
)
from tasks.versioning.process import Children, run_module
from tasks.versioning.repository import configuration_of_remote, configure, pull
from tests.versioning.conftest import with_stage_beside
from tests.waiting import wait_for_text, wait_until_gone


def silent(_line: str) -> None:
    """Nobody watches."""


def reproduce_all(root: Path) -> dict[str, StageRun]:
    return {stage: reproduce(root, stage, silent) for stage in stage_order(root / "dvc.yaml")}


def skipped(runs: dict[str, StageRun]) -> list[str]:
    return [name for name, run in runs.items() if run.skipped]


def behave(root: Path, how: str) -> None:
    (root / "behaviour.txt").write_text(how)


def test_only_what_changed_runs_again(toy: Path) -> None:
    prepare(toy)
    assert skipped(reproduce_all(toy)) == []
    assert skipped(reproduce_all(toy)) == ["double", "total", "show"]
    (toy / "data" / "numbers").write_text("7")
    assert skipped(reproduce_all(toy)) == []
    assert (toy / "report.txt").read_text() == "7+++"


def test_what_would_run_again_is_told_with_why_and_is_not_run(toy: Path) -> None:
    prepare(toy)
    assert "data/doubled deleted" in changes(toy, ["double"])["double"], "it never ran"
    reproduce_all(toy)
    assert changes(toy, ["double", "total"]) == {}
    (toy / "params.yaml").write_text("factor: 3\n")
    (toy / "data" / "total").unlink()
    told = {"double": ["params.yaml: factor modified"], "total": ["data/total deleted"]}
    assert changes(toy, ["double", "total"]) == told
    assert not (toy / "data" / "total").exists()


def test_going_back_to_an_old_param_restores_what_was_made_with_it(toy: Path) -> None:
    prepare(toy)
    reproduce(toy, "double", silent)
    (toy / "params.yaml").write_text("factor: 3\n")
    assert not reproduce(toy, "double", silent).skipped
    (toy / "params.yaml").write_text("factor: 2\n")
    assert reproduce(toy, "double", silent).skipped


def test_a_run_says_what_it_took(toy: Path) -> None:
    prepare(toy)
    run = reproduce(toy, "double", silent)
    assert run.name == "double"
    assert 0 < run.seconds < 60
    assert 10 < run.peak_mib < 10_000


def test_the_peak_is_of_all_processes_of_the_stage_and_none_of_who_called_it(toy: Path) -> None:
    """Two that hold 200 MiB each at the same time hold 400; the 600 MB of ours are not the stage's."""
    prepare(toy)
    ours = b"x" * 600_000_000
    small = reproduce(toy, "double", silent)
    behave(toy, "grow 200")
    (toy / "data" / "numbers").write_text("2")
    large = reproduce(toy, "double", silent)
    assert len(ours) > 0
    assert small.peak_mib < 250
    assert 400 < large.peak_mib < small.peak_mib + 500


def test_every_line_of_output_is_seen(toy: Path) -> None:
    prepare(toy)
    seen: list[str] = []
    reproduce(toy, "double", seen.append)
    assert "making data/doubled" in seen


@pytest.mark.parametrize(
    ("code", "error"), [(1, ShoprecError), (2, DataContractError), (3, BrokenCheckError), (4, ParamsError)]
)
def test_the_exit_code_tells_the_error_and_the_stage_its_words(toy: Path, code: int, error: type[ShoprecError]) -> None:
    prepare(toy)
    behave(toy, f"exit {code} price of item 7 is -3")
    with pytest.raises(ShoprecError, match="stage 'double' failed: (?s:.*)price of item 7 is -3") as caught:
        reproduce(toy, "double", silent)
    assert type(caught.value) is error


def test_a_killed_stage_is_named_and_the_next_run_works(toy: Path) -> None:
    prepare(toy)
    behave(toy, "kill")
    with pytest.raises(ShoprecError, match="ended by signal 9"):
        reproduce(toy, "double", silent)
    behave(toy, "copy")
    reproduce(toy, "double", silent)
    assert (toy / "data" / "doubled").read_text() == "1+"


def test_when_the_flow_is_killed_its_stage_dies_with_it_and_the_next_run_works(toy: Path) -> None:
    """`kill -9` of the caller while a stage has written half of its output."""
    prepare(toy)
    behave(toy, "hang")
    caller = start_reproducing(toy)
    stage = int(wait_for_text(toy / "hanging-doubled"))
    below = {child.pid for child in psutil.Process(caller.pid).children(recursive=True)}
    caller.send_signal(signal.SIGKILL)
    caller.wait()
    for process in below | {stage}:  # DVC too, whose lock holds while it is there
        wait_until_gone(process)
    behave(toy, "copy")
    run = reproduce(toy, "double", silent)
    assert not run.skipped
    assert (toy / "data" / "doubled").read_text() == "1+"


def test_an_interrupted_wait_ends_the_stage(toy: Path) -> None:
    prepare(toy)
    behave(toy, "hang")

    def stop_at_the_first_line(line: str) -> None:
        if line.startswith("making"):
            wait_for_text(toy / "hanging-doubled")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reproduce(toy, "double", stop_at_the_first_line)
    wait_until_gone(int((toy / "hanging-doubled").read_text()))


def test_stages_side_by_side_run_at_the_same_time(toy: Path) -> None:
    prepare(toy)
    with_stage_beside(toy)
    behave(toy, "meet")
    beside = Children()
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda stage: reproduce(toy, stage, silent, beside), ("double", "beside")))
    assert [run.skipped for run in runs] == [False, False]
    assert changes(toy, ["double", "beside"]) == {}, "both stand in the lock"


def test_one_call_ends_stages_that_threads_wait_for(toy: Path) -> None:
    prepare(toy)
    with_stage_beside(toy)
    behave(toy, "hang")
    beside = Children()
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(reproduce, toy, stage, silent, beside) for stage in ("double", "beside")]
        pids = [int(wait_for_text(toy / f"hanging-{name}")) for name in ("doubled", "beside")]
        beside.end()
        for run in runs:
            with pytest.raises(ShoprecError, match="could not run stage"):
                run.result()
    for pid in pids:
        wait_until_gone(pid)
    behave(toy, "copy")
    with pytest.raises(ShoprecError, match="could not run stage"):
        reproduce(toy, "double", silent, beside)
    assert not reproduce(toy, "double", silent).skipped


def test_a_busy_repository_is_a_transient_fault(toy: Path) -> None:
    prepare(toy)
    behave(toy, "hang")
    other = start_reproducing(toy)
    try:
        wait_for_text(toy / "hanging-doubled")
        with pytest.raises(TransientError, match="another process"):
            reproduce(toy, "double", silent)
    finally:
        other.kill()
        other.wait()


def test_what_was_pushed_can_be_had_again(toy: Path) -> None:
    prepare(toy)
    track(toy, "data/numbers")
    reproduce_all(toy)
    push(toy, silent)
    shutil.rmtree(toy / ".dvc" / "cache")
    (toy / "data" / "total").unlink()
    (toy / "data" / "numbers").unlink()
    subprocess.run([sys.executable, "-m", "dvc", "pull", "--quiet"], cwd=toy, check=True)
    assert (toy / "data" / "numbers").read_text() == "1"
    assert (toy / "data" / "total").read_text() == "1++"


def test_a_remote_that_is_away_is_a_transient_fault(toy: Path) -> None:
    prepare(toy)
    track(toy, "data/numbers")
    (toy / "var" / "dvc-remote").write_text("a file stands where the remote should be")
    with pytest.raises(TransientError, match="remote 'local' at .*/var/dvc-remote, so nothing was promoted"):
        push(toy, silent)


def test_another_folder_pulls_what_it_names_from_the_same_remote(
    toy: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whose address is relative to this one."""
    prepare(toy)
    track(toy, "data/numbers")
    push(toy, silent)
    other = tmp_path_factory.mktemp("other")
    for name in (".dvc/config", "data/numbers.dvc"):
        (other / name).parent.mkdir()
        shutil.copy(toy / name, other / name)
    prepare(other)
    with pytest.raises(TransientError, match="could not be pulled"):
        pull(other, ["data/numbers.dvc"], silent)
    configure(other, configuration_of_remote(toy))
    pull(other, ["data/numbers.dvc"], silent)
    assert (other / "data" / "numbers").read_text() == "1"


def test_without_a_remote_to_push_to_it_says_how_to_name_one(toy: Path) -> None:
    prepare(toy)
    track(toy, "data/numbers")
    config = toy / ".dvc" / "config"
    config.write_text(config.read_text().replace("remote = local", ""))
    with pytest.raises(ShoprecError, match="dvc remote default NAME") as refused:
        push(toy, silent)
    assert not isinstance(refused.value, TransientError), "no waiting mends it"


def test_a_program_that_is_at_work_after_its_time_is_ended_with_all_below_it(tmp_path: Path) -> None:
    (tmp_path / "sleepy.py").write_text(
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    env = dict(os.environ) | {"PYTHONPATH": str(tmp_path)}
    done = run_module("sleepy", [], tmp_path, silent, env, limit_s=3)
    assert done.code != 0
    assert 3 <= done.seconds < 30
    wait_until_gone(int(done.lines[0]))


def test_in_git_nothing_but_pointers_and_lock_appears(toy: Path) -> None:
    subprocess.run(["git", "init", "--quiet", "."], cwd=toy, check=True)
    shutil.copy(Path(__file__).parents[2] / ".gitignore", toy / ".gitignore")
    shutil.copy(Path(__file__).parents[2] / ".dvc" / ".gitignore", toy / ".dvc" / ".gitignore")
    prepare(toy)
    before = untracked(toy)
    track(toy, "data/numbers")
    reproduce(toy, "double", silent)
    push(toy, silent)
    assert untracked(toy) - before == {"dvc.lock", "data/numbers.dvc"}


def untracked(root: Path) -> set[str]:
    status = ["git", "status", "--short", "--untracked-files=all"]
    lines = subprocess.run(status, cwd=root, check=True, capture_output=True, text=True).stdout.splitlines()
    return {line[3:] for line in lines}


def test_a_folder_that_comes_into_git_is_no_longer_kept_apart_from_it(toy: Path) -> None:
    prepare(toy)
    assert "no_scm" in (toy / ".dvc" / "config.local").read_text()
    subprocess.run(["git", "init", "--quiet", "."], cwd=toy, check=True)
    prepare(toy)
    assert "no_scm" not in (toy / ".dvc" / "config.local").read_text()


def test_a_project_without_dvc_config_says_so(tmp_path: Path) -> None:
    with pytest.raises(ShoprecError, match="restore it"):
        prepare(tmp_path)


def test_hashes_name_added_and_made_data(toy: Path) -> None:
    prepare(toy)
    track(toy, "data/numbers")
    reproduce(toy, "double", silent)
    assert hashes(toy) == {
        "data/numbers": hashlib.md5(b"1").hexdigest(),
        "data/doubled": hashlib.md5(b"1+").hexdigest(),
    }


def test_the_recipe_changes_only_with_what_makes_a_difference_in_the_end(toy: Path) -> None:
    prepare(toy)
    reproduce_all(toy)
    first = recipe_digest(toy)
    (toy / "params.yaml").write_text("factor: 3\n")
    assert skipped(reproduce_all(toy)) == ["total", "show"], "the new factor made the same data"
    assert recipe_digest(toy) == first
    (toy / "data" / "numbers").write_text("7")
    reproduce_all(toy)
    assert recipe_digest(toy) != first


def test_without_a_finished_run_there_is_no_recipe(toy: Path) -> None:
    with pytest.raises(ShoprecError, match="to its end first"):
        recipe_digest(toy)


def test_a_broken_lock_file_says_how_to_mend_it(toy: Path) -> None:
    (toy / "dvc.lock").write_text("<<<<<<< HEAD\nstages: {\n")
    with pytest.raises(ShoprecError, match="take one side"):
        hashes(toy)


def start_reproducing(root: Path) -> subprocess.Popen[bytes]:
    code = "import sys; from pathlib import Path; from tasks.versioning import reproduce\n"
    code += "reproduce(Path(sys.argv[1]), 'double', print)"
    return subprocess.Popen([sys.executable, "-c", code, str(root)], stdout=subprocess.DEVNULL)


def test_what_is_known_of_some_stages_is_without_the_others(toy: Path) -> None:
    """As of a refresh, beside whose stages the lock has those of an older retrain."""
    prepare(toy)
    reproduce_all(toy)
    track(toy, "data/numbers")
    assert hashes(toy, ["double"]).keys() == {"data/doubled", "data/numbers"}
    assert inputs(toy, ["total"]).keys() == {"step.py", "data/doubled"}
    assert yaml.safe_load(lock_of(toy, ["double"])) == {
        "schema": "2.0",
        "stages": {"double": yaml.safe_load((toy / "dvc.lock").read_text())["stages"]["double"]},
    }


def test_a_push_of_some_stages_leaves_the_others(toy: Path) -> None:
    prepare(toy)
    reproduce_all(toy)
    track(toy, "data/numbers")
    push(toy, silent, ["double"])
    stored = {path.parent.name + path.name for path in (toy / "var" / "dvc-remote").rglob("*") if path.is_file()}
    assert stored == set(hashes(toy, ["double"]).values())
