"""Where the token comes from, and that each refusal says what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from config.files import rights_of_secret
from config.loading import load_settings
from config.problems import SettingsError
from config.secrets import MASK, REDACTOR
from config.settings import Settings
from config.token import CREDENTIAL, load_token

NAME = "TESTIO_CUSTOMER_API_TOKEN"
NOBODY = 65_534


def settings_with(*, token: str | None = None, file: Path | None = None) -> Settings:
    given = {NAME: token, f"{NAME}_FILE": None if file is None else str(file)}
    flags = {name: value for name, value in given.items() if value is not None}
    return load_settings(flags=flags, env_file=None)


def token_file(path: Path, content: str | bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


def found(settings: Settings, credentials: Path | None = None) -> str:
    environ = {} if credentials is None else {"CREDENTIALS_DIRECTORY": str(credentials)}
    return load_token(settings, environ).get_secret_value()


def refusal(settings: Settings, credentials: Path | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        found(settings, credentials)
    return str(caught.value)


@pytest.fixture(autouse=True)
def _no_token_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (NAME, f"{NAME}_FILE", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    """The folder that systemd would name in CREDENTIALS_DIRECTORY; still empty."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    return folder


def test_the_credential_comes_before_the_file_before_the_setting(
    tmp_path: Path, credentials: Path
) -> None:
    both = settings_with(token="of-the-setting", file=token_file(tmp_path / "t", "of-the-file\n"))
    assert found(settings_with(token=" of-the-setting ")) == "of-the-setting"
    assert found(both) == "of-the-file"
    assert found(both, credentials) == "of-the-file", "a folder without our credential"
    token_file(credentials / CREDENTIAL, "of-systemd\n", 0o400)
    assert found(both, credentials) == "of-systemd"


def test_the_environment_of_the_process_is_the_default(
    monkeypatch: pytest.MonkeyPatch, credentials: Path
) -> None:
    monkeypatch.setenv(NAME, "of-the-environment")
    settings = load_settings(flags={}, env_file=None)
    assert load_token(settings).get_secret_value() == "of-the-environment"
    token_file(credentials / CREDENTIAL, "of-systemd")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert load_token(settings).get_secret_value() == "of-systemd"


def test_a_token_found_is_masked_in_logs_from_then_on_and_hides_itself() -> None:
    token = "never-seen-before-4711"
    line = f"Authorization: Token {token}"
    assert REDACTOR(line) == line
    loaded = load_token(settings_with(token=token), {})
    assert REDACTOR(line) == f"Authorization: Token {MASK}"
    assert token not in f"{loaded} {loaded!r}"


@pytest.mark.parametrize("given", [None, "", "  \n"])
def test_without_a_token_the_message_names_both_ways_to_give_one(given: str | None) -> None:
    message = refusal(settings_with(token=given))
    assert f"set {NAME}, or {NAME}_FILE to a file that holds it" in message


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_for_its_owner_only_is_read(tmp_path: Path, mode: int) -> None:
    assert (
        found(settings_with(file=token_file(tmp_path / "t", "tok-en-4711", mode))) == "tok-en-4711"
    )


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o602, 0o610, 0o601, 0o777])
def test_a_file_that_others_may_use_is_refused_with_the_command_that_mends_it(
    tmp_path: Path, mode: int
) -> None:
    path = token_file(tmp_path / "t", "tok-en-4711", mode)
    message = refusal(settings_with(token="fallback", file=path))
    assert f"chmod 600 {path}" in message
    assert f"{NAME}_FILE = {path}" in message


@pytest.fixture
def of_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file of root's, who is not us."""
    path = token_file(tmp_path / "mounted", "tok-en-4711")
    if path.stat().st_uid == 0:
        monkeypatch.setattr(os, "getuid", lambda: NOBODY)
    else:
        told = os.stat_result((*path.stat()[:4], 0, *path.stat()[5:]))
        monkeypatch.setattr(Path, "stat", lambda found, **_: chmodded(told, found))
    return path


def chmodded(told: os.stat_result, path: Path) -> os.stat_result:
    return os.stat_result((os.stat(path).st_mode, *told[1:]))


@pytest.mark.parametrize("mode", [0o444, 0o440, 0o400, 0o644, 0o640, 0o555])
def test_a_secret_that_a_container_mounts_is_read(of_root: Path, mode: int) -> None:
    of_root.chmod(mode)
    assert found(settings_with(file=of_root)) == "tok-en-4711"


@pytest.mark.parametrize("mode", [0o464, 0o446, 0o660, 0o666, 0o622])
def test_a_file_of_roots_that_others_can_write_is_refused(of_root: Path, mode: int) -> None:
    of_root.chmod(mode)
    assert str(of_root) in refusal(settings_with(file=of_root))


@pytest.mark.parametrize(
    ("owner", "us", "mode", "is_right"),
    [
        (0, 0, 0o444, True),  # a container that runs as root
        (0, 0, 0o440, True),
        (0, 0, 0o644, False),
        (7, 7, 0o444, False),
        (7, 7, 0o440, False),
        (7, 7, 0o600, True),
        (0, 7, 0o644, True),
        (0, 7, 0o664, False),
    ],
)
def test_who_may_read_a_secret_goes_by_whose_it_is(
    owner: int, us: int, mode: int, is_right: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: us)
    status = os.stat_result((0o100000 | mode, 1, 1, 1, owner, 0, 1, 0, 0, 0))
    assert (mode & ~rights_of_secret(status) == 0) is is_right


def test_a_file_of_somebody_else_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = token_file(tmp_path / "t", "tok-en-4711")
    if os.getuid() == 0:
        os.chown(path, NOBODY, -1)
    else:
        status = path.stat()
        monkeypatch.setattr(os, "getuid", lambda: status.st_uid + 1)
    message = refusal(settings_with(file=path))
    assert "a file that belongs to you or to root" in message
    assert str(path) in message


def test_a_file_that_is_missing_or_a_folder_is_refused_with_the_systems_reason(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o700)
    missing = refusal(settings_with(token="fallback", file=tmp_path / "gone"))
    assert "a readable file (No such file or directory)" in missing
    assert str(tmp_path / "gone") in missing
    assert "a regular file that holds the token" in refusal(settings_with(file=tmp_path))


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "it is empty"), (b" \n\n", "it is empty"), (b"\xff\xfe\x00", "it is not text")],
)
def test_a_file_without_a_token_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    message = refusal(settings_with(file=token_file(tmp_path / "t", content)))
    assert reason in message


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\x00", b"two words"])
def test_a_credential_without_a_token_is_refused_like_a_file(
    credentials: Path, content: bytes
) -> None:
    token_file(credentials / CREDENTIAL, content)
    message = refusal(settings_with(token="fallback"), credentials)
    assert "1 problem with the configuration" in message


@pytest.mark.parametrize(
    "token",
    ["two words", "tök-en-4711", "to\nken-4711", "to\x1b[0mken", "tok\u200ben-4711", "7-chars"],
)
def test_what_cannot_stand_in_a_header_is_refused_and_not_shown(token: str, tmp_path: Path) -> None:
    for settings in (
        settings_with(token=token),
        settings_with(file=token_file(tmp_path / "t", token)),
    ):
        message = refusal(settings)
        assert "one word of at least 8 printable ASCII characters" in message
        assert token not in message
        assert repr(token)[1:-1] not in message
