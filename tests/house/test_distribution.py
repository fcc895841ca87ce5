"""The wheel and the sdist hold what the sources hold, and the wheel works in a clean environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conformance_data import REPOSITORY
from tests.pytest_projects import write_project
from tests.test_pytest_readme import pytest_blocks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PACKAGES = ("agent", "injected_js", "storage", "sites")
DATA_SUFFIXES = {".py", ".js", ".json", ".ts", ".sql", ".html", ".css", ".svg", ".md", ".jinja", ".j2", ".typed"}
STORY = {
    "id": "tiny",
    "config": {"aggregationServices": {"https://agg.example": "dap-18-histogram"}},
    "events": [
        {"seconds": 1, "site": "news.example", "event": "saveImpression", "options": {"histogramIndex": 1}},
        {
            "seconds": 2,
            "site": "shop.example",
            "event": "measureConversion",
            "options": {
                "aggregationService": "https://agg.example",
                "histogramSize": 3,
                "value": 5,
                "maxValue": 10,
            },
            "expected": [0, 5, 0],
        },
    ],
}


def source_files() -> set[str]:
    return {
        str(path.relative_to(REPOSITORY))
        for package in PACKAGES
        for path in (REPOSITORY / package).rglob("*")
        if path.suffix in DATA_SUFFIXES
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(REPOSITORY)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def tallyhost(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command as a clean environment has it after ``pip install`` of the wheel."""
    place = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(place, with_pip=False)
    wheel = f"{next(built.glob('*.whl'))}[pytest]"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(place / "bin" / "python")]
    command = [*pip, "install", "--quiet", "--no-compile", wheel]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return place / "bin" / "tallyhost"


def run(command: Path, *arguments: str, where: Path) -> subprocess.CompletedProcess[str]:
    """``command`` with no more of this process's environment than a newcomer has."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TALLYHOST"))}
    return subprocess.run(
        [command, *arguments], cwd=where, env=environment, capture_output=True, text=True, check=False
    )


def test_the_wheel_holds_every_script_migration_template_and_site(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        assert source_files() <= set(wheel.namelist())
        assert [name for name in wheel.namelist() if name.endswith("licenses/LICENSE")]


def test_the_sdist_holds_the_sources_and_the_tests(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    tests = {str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / "tests").rglob("*.py")}
    assert source_files() | tests | {"LICENSE", "README.md", "CHANGELOG.md", "Makefile", "pyproject.toml"} <= names


def test_the_wheel_tells_its_version(tallyhost: Path, tmp_path: Path) -> None:
    done = run(tallyhost, "--version", where=tmp_path)
    assert done.returncode == 0, done.stderr
    distribution = next(tallyhost.parents[1].rglob("tallyhost-*.dist-info")).name
    assert distribution == f"tallyhost-{done.stdout.split()[-1]}.dist-info"


def test_the_wheel_s_doctor_runs(tallyhost: Path, tmp_path: Path) -> None:
    done = run(tallyhost, "doctor", "--json", where=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert findings["chromium"]["health"] == "ok"
    assert str(tallyhost.parents[1]) in findings["tallyhost"]["found"]


def test_the_wheel_runs_a_story(tallyhost: Path, tmp_path: Path) -> None:
    story = tmp_path / "tiny.json"
    story.write_text(json.dumps(STORY), encoding="utf-8")
    judged = run(tallyhost, "story", "tiny.json", where=tmp_path)
    assert judged.returncode == 0, judged.stderr
    assert judged.stdout.strip().endswith("1 passed, 0 failed")
    emitted = run(tallyhost, "story", "--emit", "tiny.json", where=tmp_path)
    assert json.loads(emitted.stdout) == {"id": "tiny", "results": [None, [0, 5, 0]]}


@pytest.mark.browser
def test_the_readme_s_first_test_passes_where_nothing_but_the_wheel_is_installed(
    tallyhost: Path, tmp_path: Path
) -> None:
    example = next(block for block in pytest_blocks() if "def test_" in block)
    write_project(tmp_path, example)
    done = run(tallyhost.with_name("python"), "-m", "pytest", where=tmp_path)
    assert f"{example.count('def test_')} passed" in done.stdout, done.stdout + done.stderr
