"""Against the real MLflow over SQLite."""

import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mlflow
import pytest

from tasks.errors import TransientError
from tasks.registry import Retrained
from tasks.registry.passports import logged_values
from tasks.registry.registry import Registry
from tasks.registry.requirements import serving_requirements

Make = Callable[..., Retrained]


def test_an_empty_registry_has_no_versions(registry: Registry) -> None:
    assert registry.version_of("r1") is None
    assert registry.holder_of("production") is None


def test_a_run_holds_all_that_the_version_came_from(registry: Registry, retrained: Make) -> None:
    version = registry.log(retrained("r1"))
    run = mlflow.MlflowClient(registry.uri).get_run(version.run_id)
    assert run.data.params == {"als.factors": "64", "folds.train": "3"}
    assert run.data.metrics == {"all/ndcg_at_10": 0.25, "all/ndcg_at_10_low": 0.24, "all/ndcg_at_10_high": 0.26}
    assert run.data.tags["recipe"] == "r1"
    assert run.inputs is not None
    (used,) = run.inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("raw", "c4ca4238a0b923820dcc509a6f75849b.dir")
    assert [(tag.key, tag.value) for tag in used.tags] == [("mlflow.data.context", "source")]
    top = {file.path for file in mlflow.MlflowClient(registry.uri).list_artifacts(version.run_id)}
    assert top == {"report.html", "evaluation"}


def test_every_number_is_kept_to_the_last_digit(registry: Registry, retrained: Make) -> None:
    """So that those that a run shows can be held against a passport."""
    numbers = [0.1 + 0.2, 1 / 3, math.pi, 1e16 + 2, 5e-324, -sys.float_info.max, sys.float_info.epsilon, 0.0]
    metrics = {f"m{n}": number for n, number in enumerate(numbers)}
    version = registry.log(replace(retrained("r1"), metrics=metrics))
    assert logged_values(registry, version.run_id)[1] == metrics


def test_a_new_version_is_a_candidate_with_description_and_tags(registry: Registry, retrained: Make) -> None:
    version = registry.log(retrained("r1"))
    found = mlflow.MlflowClient(registry.uri).get_model_version("shoprec", str(version.number))
    assert (version.number, version.stage) == (1, "candidate")
    assert found.description == "**made** by a test"
    assert found.tags == {"recipe": "r1", "source": "test", "stage": "candidate"}


def test_a_version_is_found_by_its_recipe(registry: Registry, retrained: Make) -> None:
    first = registry.log(retrained("r1"))
    registry.log(retrained("r2"))
    assert registry.version_of("r1") == first
    assert registry.version_of("r3") is None


PREDICT = """
import json, sys
from importlib.metadata import packages_distributions

allowed = set(json.loads(sys.argv[4]))
owned = {top: {d.lower().replace("_", "-") for d in of} for top, of in packages_distributions().items()}

class OnlyWhatIsRequired:
    def find_spec(self, name, path=None, target=None):
        if name in owned and not owned[name] & allowed:
            raise ModuleNotFoundError(f"{name} is not among the requirements", name=name)

sys.meta_path.insert(0, OnlyWhatIsRequired())
import mlflow
import pandas as pd

mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
users = pd.DataFrame({"user_id": json.loads(sys.argv[3])})
plain = model.predict(users)
asked = model.predict(users, params={"k": 1, "task": "new"})
import tasks
print(json.dumps([plain.to_dict("list"), asked.to_dict("list"), tasks.__file__]))
"""


@pytest.mark.parametrize("users", [[1, 2], ["u-1", "ü-2"]])
def test_the_model_predicts_in_another_process_and_folder_with_its_own_code_and_requirements(
    registry: Registry, retrained: Make, tmp_path: Path, users: list[int | str]
) -> None:
    """Ids are integers or strings to the end, and nothing can be imported that its requirements do not name."""
    registry.log(retrained("r1", users))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    pinned = json.dumps([line.partition("==")[0] for line in serving_requirements()])
    command = [sys.executable, "-c", PREDICT, registry.uri, "models:/shoprec/1", json.dumps(users), pinned]
    done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    plain, asked, code = json.loads(done.stdout.splitlines()[-1])
    assert plain["user_id"] == [users[0]] * 3 + [users[1]] * 3
    assert plain["item_id"] == [7, 8, 9] * 2
    assert plain["rank"] == [1, 2, 3] * 2
    assert asked == {"user_id": users, "rank": [1, 1], "item_id": [9, 9], "score": [1.0, 1.0]}
    assert Path(code).is_relative_to(tmp_path / "artifacts"), "it has to run the code that it was shipped with"


def test_requirements_are_exact_and_of_serving_only() -> None:
    lines = serving_requirements()
    names = {line.partition("==")[0] for line in lines}
    assert all("==" in line for line in lines)
    assert {"mlflow", "lightgbm", "implicit", "numpy", "sqlglot"} <= names
    assert not names & {"prefect", "dvc", "great-expectations", "pytest", "ruff"}


def test_a_server_that_is_away_is_a_transient_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    with pytest.raises(TransientError, match="could not be used"):
        Registry("http://127.0.0.1:9")
