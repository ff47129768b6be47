"""Settings name a command to run and a host for the token: whose files are believed in that.

Of a `.env` in the working folder even less is believed: it may have come with anybody's project.
"""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

import pytest
from pydantic import SecretStr

from config import files
from config.loading import load_settings
from config.problems import SettingsError
from config.settings import Settings, names
from config.token import find_token

TOKEN, BASE_URL = "TESTIO_CUSTOMER_API_TOKEN", "TESTIO_CUSTOMER_API_BASE_URL"
HOSTILE = "TESTIO_DB_PATH='/tmp/evil'"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    for name in names().values():
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=[".env", "given.toml"])
def file(request: pytest.FixtureRequest) -> Path:
    """One of the two files, with a line that says where to write."""
    path = Path(request.param)
    path.write_text(HOSTILE)
    path.chmod(0o644)
    return path


def load(config: Path = Path("given.toml")) -> Settings:
    return load_settings(flags={}, config_file=config if config.exists() else None)


def refusal() -> str:
    with pytest.raises(SettingsError) as caught:
        load()
    return str(caught.value)


def test_a_file_that_others_may_only_read_is_believed(file: Path) -> None:
    assert load().db_path == Path("/tmp/evil")
    file.chmod(0o444)
    assert load().db_path == Path("/tmp/evil")


def test_a_file_that_everybody_can_write_is_refused(file: Path) -> None:
    file.chmod(0o646)
    assert f"mend it with: chmod go-w {file}" in refusal()


def test_a_file_that_a_group_can_write_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.chmod(0o664)
    monkeypatch.setattr(files, "_has_own_group", lambda _status: False)
    assert f"mend it with: chmod go-w {file}" in refusal()


def test_a_group_of_the_owner_alone_may_write(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where users have groups of their own, every file that an editor makes has these rights."""
    file.chmod(0o664)
    me, group = pwd.getpwuid(os.getuid()).pw_name, file.stat().st_gid
    for name, members, is_refused in (
        (me, [], False),
        (me, [me], False),
        (me, ["mallory"], True),
        ("staff", [me], True),
    ):
        made = grp.struct_group((name, "x", group, members))
        monkeypatch.setattr(grp, "getgrgid", lambda _id, made=made: made)
        if is_refused:
            assert "chmod go-w" in refusal(), (name, members)
        else:
            assert load().db_path == Path("/tmp/evil"), (name, members)


def test_a_file_of_somebody_else_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.getuid() == 0:
        os.chown(file, 65_534, -1)
    else:
        uid = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: uid + 1)
    assert "a file that belongs to you or to root" in refusal()


def test_a_dotenv_of_another_program_is_none_of_ours() -> None:
    """As with `sudo -u` in a folder of somebody's project."""
    path = Path(".env")
    path.write_text("COMPOSE_PROJECT_NAME=x\nTESTIO_PRODUCT_IDS")
    path.chmod(0o666)
    assert load().product_ids is None
    path.write_text("COMPOSE_PROJECT_NAME=x\ntestio_product_ids=18")
    assert "chmod go-w .env" in refusal()
    path.chmod(0o644)
    assert load().product_ids == frozenset({18})


@pytest.mark.parametrize(
    "content",
    [
        b"a : { b\nc d 'e\n=x\n",
        b"NAME=caf\xe9\nOTHER=\xff\xfe\0",
        b"A='unclosed\nB",
        b"\xef\xbb\xbf=",
    ],
)
def test_what_makes_no_sense_in_a_dotenv_of_another_program_is_left_alone(
    content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    Path(".env").write_bytes(content + b"\nLOG_LEVEL=ERROR\n")
    assert load().log_level == "ERROR"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("line", ["LOG_LEVEL='INFO", " export log_level='x", "'LOG_LEVEL'=\"x"])
def test_a_setting_that_cannot_be_read_in_a_dotenv_is_refused(line: str) -> None:
    Path(".env").write_text(f"OTHER=1\n{line}\n")
    assert "LOG_LEVEL" in refusal().upper()


def test_a_dotenv_with_a_token_has_to_be_private() -> None:
    path = Path(".env")
    path.write_text(f"{TOKEN}=tok-en-4711")
    path.chmod(0o640)
    text = refusal()
    assert "chmod 600 .env" in text
    assert "tok-en" not in text
    path.chmod(0o600)
    assert load().token == SecretStr("tok-en-4711")


# -- a folder's file does not send the user's own token elsewhere ----------------------------------

PROXY, FILE, WEBHOOK, COMMAND = (
    *("TESTIO_PROXY_URL", f"{TOKEN}_FILE"),
    *("TESTIO_NOTIFY_WEBHOOK_URL", "TESTIO_NOTIFY_COMMAND"),
)
EVIL = f"{BASE_URL}=https://evil.example"


@pytest.fixture
def account(tmp_path: Path) -> Path:
    """The user's own configuration, with a token."""
    config = tmp_path / "given.toml"
    config.write_text(f"{TOKEN} = 'tok-en-4711'")
    config.chmod(0o600)
    return config


def dotenv(*lines: str) -> None:
    Path(".env").write_text("\n".join(lines))
    Path(".env").chmod(0o600)


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    """Another program's secret of one word."""
    path = tmp_path / ".vault-token"
    path.write_text("hvs.of-the-vault")
    path.chmod(0o600)
    return path


LINES = [
    EVIL,
    f"{PROXY}=http://evil.example:3128",
    f"{FILE}=.vault-token",
    f"{WEBHOOK}=https://evil.example/hook",
]


@pytest.mark.parametrize("form", ["{}", "export {}", "  {}", "export  {} # of the project"])
@pytest.mark.parametrize("line", [*LINES, f"{COMMAND}=/tmp/evil"])
def test_without_a_token_of_its_own_a_dotenv_says_nothing_of_where_anything_goes(
    vault: Path, line: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, _, value = line.partition("=")
    for given in (line, f"{name.lower()}={value}", f"{name}='{value}'", f'{name} = "{value}"'):
        dotenv(form.format(given))
        text = refusal()
        assert name in text
        assert str(Path(".env").absolute()) in text, "it names the file, and says what to do"
        assert "evil" not in text, "what is to be masked elsewhere is not shown here"
    for other in ("", " ", "''"):
        dotenv(line, f"{TOKEN}={other}")
        assert name in refusal()
    monkeypatch.setenv(TOKEN, "of-the-environment")
    assert name in refusal()
    assert vault.exists()


def test_a_url_goes_with_no_file_that_the_same_dotenv_names(vault: Path) -> None:
    dotenv(EVIL, f"{FILE}={vault}")
    assert BASE_URL in refusal()
    dotenv(EVIL, f"{FILE}={vault}", f"{TOKEN}=of-the-folder")
    assert find_token(load(), {})[1].get_secret_value() == "of-the-folder", "the file is not read"


@pytest.mark.parametrize("line", LINES[:2])
def test_a_token_from_elsewhere_does_not_go_where_a_dotenv_with_a_token_says(
    account: Path, vault: Path, line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dotenv(line, f"{TOKEN}=of-the-folder")
    assert find_token(load(account), {})[1].get_secret_value() == "of-the-folder"

    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "testio-token").write_text("tok-en-0815")
    refused: list[tuple[str, str, dict[str, str]]] = [
        (TOKEN, "of-the-environment", {}),
        (FILE, str(vault), {}),
        ("HOME", str(tmp_path), {"CREDENTIALS_DIRECTORY": str(credentials)}),
    ]
    for name, value, environ in refused:
        with monkeypatch.context() as patched:
            patched.setenv(name, value)
            with pytest.raises(SettingsError, match="beside a token from elsewhere") as caught:
                find_token(load(account), environ)
        assert line.partition("=")[0] in str(caught.value)
        assert "tok-en" not in str(caught.value)


def test_what_hides_the_line_of_a_dotenv_makes_it_harmless(
    account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dotenv(EVIL)
    monkeypatch.setenv(BASE_URL, "https://api.example")
    assert load(account).base_url == "https://api.example"
    assert find_token(load(account), {})[1].get_secret_value() == "tok-en-4711"


@pytest.mark.parametrize("token", [f"{TOKEN}=of-the-folder", ""])
@pytest.mark.parametrize("name", [BASE_URL, WEBHOOK, "LOG_FILE", "TESTIO_DB_PATH"])
def test_nothing_is_expanded_in_a_dotenv(
    name: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-another-program")
    dotenv(f"{name}=https://evil.example/${{AWS_SECRET_ACCESS_KEY}}", token)
    text = refusal()
    assert "of-another-program" not in text
    assert name in text


def test_a_token_that_would_have_to_be_expanded_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-another-program")
    dotenv(f"{TOKEN}=${{AWS_SECRET_ACCESS_KEY}}", EVIL)
    assert "nothing is expanded" in refusal()


def test_a_command_in_a_dotenv_is_refused_even_beside_a_token() -> None:
    """Whoever wrote the file can put any token into it."""
    dotenv(f"{COMMAND}=/tmp/evil", f"{TOKEN}=of-the-folder")
    assert COMMAND in refusal()
