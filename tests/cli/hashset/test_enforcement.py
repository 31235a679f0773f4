"""Commands tell whether hash sets reject."""

from pathlib import Path

import pytest

from tests.cli.running import Terminal, json_lines

MD5 = "568b72d9fa3101692a4928a5a1ef8d84"
IMPORT = ("hashset", "import")


class Console:
    """Runs commands on one state directory, and returns their output."""

    def __init__(
        self, patch: pytest.MonkeyPatch, terminal: Terminal, folder: Path
    ) -> None:
        patch.setenv("UPLOADFILTER_STATE_DIR", str(folder / "state"))
        patch.setenv("UPLOADFILTER_CONFIG", "")
        self._terminal = terminal
        self.file = folder / "unit7.jsonl"
        self.file.write_text(f'{{"id": "a", "category": "1", "md5": "{MD5}"}}\n')

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run a command; return its exit code, and its output for people."""
        code = self._terminal.run(*arguments)
        return code, self._terminal.read().err

    def document(self, *arguments: str) -> dict[str, object]:
        """Run a command; return its output for programs."""
        self._terminal.run(*arguments, "--json")
        (found,) = json_lines(self._terminal.read().out)
        return found

    def bring(self, *options: str) -> tuple[int, str]:
        """Import the hash set."""
        return self.run(*IMPORT, str(self.file), "--name", "unit7", *options)

    def config(self, mode: str) -> Path:
        """Write a configuration file with a mode."""
        path = self.file.with_name("uploadfilter.toml")
        path.write_text(f'mode = "{mode}"\n')
        return path

    @property
    def state(self) -> tuple[object, object]:
        """Whether the set is enforced, and the missing conditions."""
        found = self.document("hashset", "list", "unit7")
        return found["enforced"], found["lack"]


@pytest.fixture
def console(
    monkeypatch: pytest.MonkeyPatch, terminal: Terminal, tmp_path: Path
) -> Console:
    """Return a state directory with an enforced hash set."""
    on = Console(monkeypatch, terminal, tmp_path)
    assert on.bring("--category", "1")[0] == 0
    assert on.run("hashset", "enforce", "unit7")[0] == 0
    return on


def test_importing_again_keeps_what_was_chosen(console: Console) -> None:
    """The state and the categories need not be given again."""
    code, said = console.bring()

    assert code == 0
    assert "its matches reject uploads" in said
    assert "hashset enforce" not in said
    assert console.state == (True, None)


def test_advice_to_enforce_is_given_once(console: Console) -> None:
    """A set that is monitored names the command; the warning beside it does not."""
    console.run("hashset", "enforce", "unit7", "--off")
    _, said = console.bring()

    assert said.count("hashset enforce") == 1
    assert "ENFORCE rejects no match" in said


def test_import_that_loses_a_category_changes_nothing(console: Console) -> None:
    """A script that names another category is refused, and told how to go on."""
    before = console.document("hashset", "list")
    code, said = console.bring("--category", "2")

    assert code == 2
    assert "'1'" in said
    assert console.document("hashset", "list") == before


@pytest.mark.parametrize(
    ("commands", "lack"),
    [
        pytest.param(["hashset remove unit7 --yes"], "entries", id="removed"),
        pytest.param(
            ["hashset off unit7 a --why stock --by ab"], "withdrawn", id="suppressed"
        ),
        pytest.param(["hashset enforce unit7 --off"], "monitored", id="set"),
    ],
)
def test_whoever_ends_enforcement_is_told(
    console: Console, commands: list[str], lack: str
) -> None:
    """Every command that does it says so, and so does every look afterwards."""
    said = ""
    for command in commands:
        code, said = console.run(*command.split())
        assert code == 0
    _, listed = console.run("hashset", "list")

    assert "ENFORCE rejects no match" in said
    assert "ENFORCE rejects no match" in listed
    assert console.document("hashset", "list")["lack"] == lack


def test_one_command_enforces_a_set(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is not imported again; later imports keep the choice."""
    console.run("hashset", "enforce", "unit7", "--off")
    code, said = console.run("hashset", "enforce", "unit7")
    states = [console.state]
    again = console.run("hashset", "enforce", "unit7")
    console.bring()
    states.append(console.state)
    _, off = console.run("hashset", "enforce", "unit7", "--off")
    states.append(console.state)
    monkeypatch.setenv("UPLOADFILTER_CONFIG", str(console.config("enforce")))
    _, enforcing = console.run("hashset", "enforce", "unit7")

    assert (code, again[0]) == (0, 0)
    assert "reject uploads from now on" in said
    assert 'Set mode = "enforce" in the configuration file' in said
    assert "nothing was changed" in again[1]
    assert "are only recorded from now on" in off
    assert states == [(True, None), (True, None), (False, "monitored")]
    assert "mode" not in enforcing


def test_enforcing_a_set_that_is_not_there_is_refused(console: Console) -> None:
    """The message names the sets that there are."""
    code, said = console.run("hashset", "enforce", "unit8")

    assert code == 2
    assert "'unit7'" in said


def test_import_does_not_advise_the_mode_that_is_in_force(console: Console) -> None:
    """In MONITOR the next step is to enforce the set."""
    console.run("hashset", "enforce", "unit7", "--off")
    _, said = console.bring()

    assert 'mode = "monitor"' not in said
    assert "uploadfilter hashset enforce unit7" in said


def test_rollback_to_a_monitored_set_is_told(
    monkeypatch: pytest.MonkeyPatch, terminal: Terminal, tmp_path: Path
) -> None:
    """An older generation may have chosen otherwise."""
    on = Console(monkeypatch, terminal, tmp_path)
    on.bring("--category", "1")
    on.run("hashset", "enforce", "unit7")
    code, said = on.run("hashset", "rollback", "--yes")

    assert code == 0
    assert "ENFORCE rejects no match" in said
