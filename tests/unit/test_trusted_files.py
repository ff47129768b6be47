"""Settings name a command to run and a host for the token: whose files are believed in that."""

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
HOSTILE = "TESTIO_NOTIFY_COMMAND='/tmp/evil'"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    for name in names().values():
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=[".env", "given.toml"])
def file(request: pytest.FixtureRequest) -> Path:
    """One of the two files, with a line that would run a command."""
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
    assert load().notify_command == "/tmp/evil"
    file.chmod(0o444)
    assert load().notify_command == "/tmp/evil"


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
            assert load().notify_command == "/tmp/evil", (name, members)


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


@pytest.fixture
def account(tmp_path: Path) -> Path:
    """The user's own configuration, with a token."""
    config = tmp_path / "given.toml"
    config.write_text(f"{TOKEN} = 'tok-en-4711'")
    config.chmod(0o600)
    return config


@pytest.mark.parametrize(
    "line", [f"{BASE_URL}=https://evil.example", "TESTIO_PROXY_URL=http://evil.example:3128"]
)
def test_a_dotenv_cannot_send_the_token_of_the_configuration_elsewhere(
    account: Path, line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Path(".env").write_text(line)
    with pytest.raises(SettingsError, match=r"beside a token from elsewhere") as caught:
        find_token(load(account), {})
    assert line.partition("=")[0] in str(caught.value)
    assert "tok-en" not in str(caught.value)

    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "testio-token").write_text("tok-en-0815")
    with pytest.raises(SettingsError, match="beside a token from elsewhere"):
        find_token(load(account), {"CREDENTIALS_DIRECTORY": str(credentials)})

    monkeypatch.setenv(TOKEN, "of-the-environment")
    assert find_token(load(account), {})[1].get_secret_value() == "of-the-environment"


def test_a_dotenv_may_say_where_its_own_token_goes(account: Path) -> None:
    Path(".env").write_text(f"{BASE_URL}=https://staging.example\n{TOKEN}=of-the-folder")
    Path(".env").chmod(0o600)
    assert find_token(load(account), {})[1].get_secret_value() == "of-the-folder"


def test_what_hides_the_line_of_a_dotenv_makes_it_harmless(
    account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(".env").write_text(f"{BASE_URL}=https://evil.example")
    monkeypatch.setenv(BASE_URL, "https://api.example")
    assert load(account).base_url == "https://api.example"
    assert find_token(load(account), {})[1].get_secret_value() == "tok-en-4711"
