from __future__ import annotations

import ast
import re
import tomllib

from agent.cli.config import Config
from agent.cli.main import COMMANDS, load_command
from agent.engines.aggregation.key_structure import KeyStructure, read_key_structure
from tests.conformance_data import REPOSITORY
from tests.house.limits import HEADING, section
from tests.house.reference.fixtures import plugin_options

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
NAMED_AS_FUTURE = (
    "alternative aggregation modes",
    "contributeToDistinctCount",
    "shared contribution budget",
    "trigger-side worklets",
    "custom attribution models",
    "other bounds",
    "private state tokens",
    "aggregate error reporting",
    "binary report format",
    "reportLoss()",
    "DAP-18",
)


def toml_examples() -> list[str]:
    return re.findall(r"^```toml\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def test_the_two_commands_come_before_anything_else_that_can_be_typed() -> None:
    blocks = re.findall(r"^```\w*\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    assert [line.split("#")[0].strip() for line in blocks[0].splitlines()] == ["make demo", "make test"]


def test_the_table_of_commands_is_the_command_line_s() -> None:
    table = dict(re.findall(r"^\| `tallyhost ([a-z-]+)[^`]*` \| (.+?) \|$", README, flags=re.MULTILINE))
    assert list(table) == list(COMMANDS)
    for name, told in table.items():
        help_text = load_command(name).help or ""
        assert told == help_text.partition("\n\n")[0].replace("\n", " ").rstrip(".")


def test_every_flag_that_the_readme_names_exists() -> None:
    known = {"--help", "--version"} | {name.partition(" ")[0] for name, _ in plugin_options().options}
    pending = [load_command(name) for name in COMMANDS]
    while pending:
        command = pending.pop()
        known |= {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        pending += getattr(command, "commands", {}).values()
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)) <= known


def test_every_setting_of_the_example_file_exists() -> None:
    settings, _ = toml_examples()
    Config.model_validate(tomllib.loads(settings))


def test_the_example_of_a_key_structure_is_one() -> None:
    _, structure = toml_examples()
    read = read_key_structure(tomllib.loads(structure))
    assert isinstance(read, KeyStructure)
    name = read.name_of(0x20D)
    assert name is not None
    assert (name.label, name.scaled(128), name.unit) == ("revenue: bought, campaign 13", 1, "EUR")


def test_the_python_examples_are_python() -> None:
    examples = re.findall(r"^```python\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    assert examples
    for example in examples:
        ast.parse(example)


def test_the_readme_ends_with_the_limits_from_their_one_table() -> None:
    assert README[README.index(HEADING) :] == section()


def test_what_the_sources_name_as_future_is_among_the_limits() -> None:
    limits = section().lower()
    assert [name for name in NAMED_AS_FUTURE if name.lower() not in limits] == []


def test_what_the_readme_points_at_exists() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert [target for target in targets if not (REPOSITORY / target).exists()] == []
