"""Where secrets come from and where sensitive outputs go."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator

import pytest
from keeper_secrets_manager_core import SecretsManager
from keeper_secrets_manager_core.mock import MockConfig, Record, Response, ResponseQueue
from keeper_secrets_manager_core.storage import InMemoryKeyValueStorage

from aws_server import aws_server, use_aws
from workers.core.errors import SettingError, StoreError, ToolError
from workers.execution.secret_keepers import AwsKeeper, FolderKeeper
from workers.execution.secret_sources import AwsSecretsManager, Keeper, keeper, secrets_manager
from workers.execution.secrets import Secrets, all_secrets


@pytest.fixture(scope="module")
def moto_address() -> Iterator[str]:
    """A server that speaks AWS's API."""
    with aws_server() as address:
        yield address


@pytest.fixture
def aws(moto_address, monkeypatch):
    """A client of it, made from the environment as the worker makes its own."""
    use_aws(monkeypatch, moto_address, "SECRETS_MANAGER", "eu-west-1")
    return secrets_manager()


def test_a_secret_of_aws_is_read_whole_and_by_key(aws, tmp_path):
    """Over the API, a secret comes as its text and each key of a JSON object as its value."""
    aws.create_secret(Name="team/db", SecretString=json.dumps({"password": "s3cret-pässword", "port": 5432}))
    resolved, found = all_secrets(tmp_path).resolve(
        {"password": "secret://aws-sm/team/db#password", "port": "secret://aws-sm/team/db#port"}
    )
    assert resolved == {"password": "s3cret-pässword", "port": "5432"}
    assert found == ("s3cret-pässword", "5432")
    assert json.loads(AwsSecretsManager()("team/db"))["port"] == 5432


@pytest.mark.parametrize(
    ("name", "words"),
    [("nowhere#x", "there is no such secret"), ("plain#key", "no JSON object with the key 'key'"), ("bytes", "binary")],
)
def test_a_secret_of_aws_that_is_not_there_is_named(aws, name, words):
    """The reference and what is wrong with it are in the message; the secret is not."""
    for secret, content in {"plain": {"SecretString": "hush-hush"}, "bytes": {"SecretBinary": b"x"}}.items():
        try:
            aws.create_secret(Name=secret, **content)
        except aws.exceptions.ResourceExistsException:
            continue
    with pytest.raises(SettingError, match=words) as raised:
        AwsSecretsManager()(name)
    assert f"secret://aws-sm/{name}" in str(raised.value)
    assert "hush" not in str(raised.value)


def test_aws_that_does_not_answer_is_transient(aws, monkeypatch):
    """Trouble on the way is a tool's error, which is tried again."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(ToolError, match="did not answer"):
        AwsSecretsManager()("any")


def keeper_source(record: Record | None) -> Keeper:
    """A source over Keeper's own library, which is answered by the contract that Keeper ships with it."""
    client = SecretsManager(config=InMemoryKeyValueStorage(MockConfig.make_base64()))
    queue = ResponseQueue(client=client)
    response = Response()
    if record is not None:
        response.add_record(keeper_record=None, record=record)
    queue.add_response(response)
    return Keeper(lambda: client)


def login() -> Record:
    """A record with a standard and a custom field."""
    record = Record(title="Database", record_type="login")
    record.field("login", "admin")
    record.field("password", "s3cret-keeper")
    record.custom_field("API token", "t0ken")
    return record


@pytest.mark.parametrize(
    ("field", "value"), [("password", "s3cret-keeper"), ("login", "admin"), ("API token", "t0ken")]
)
def test_a_field_of_a_keeper_record_is_read(field, value):
    """Standard fields go by their type, custom ones by their label."""
    record = login()
    assert keeper_source(record)(f"{record.uid}#{field}") == value


def test_a_keeper_record_or_field_that_is_not_there_is_named():
    """The reference is in the message."""
    record = login()
    with pytest.raises(SettingError, match="no value in a field"):
        keeper_source(record)(f"{record.uid}#oneTimeCode")
    with pytest.raises(SettingError, match="no such record"):
        keeper_source(None)("abc#password")
    with pytest.raises(SettingError, match="UID#FIELD"):
        Keeper()("abc")


def test_keeper_without_configuration_says_which_variables(monkeypatch):
    """Both ways to configure it are named."""
    monkeypatch.delenv("KSM_CONFIG", raising=False)
    monkeypatch.delenv("KSM_CONFIG_FILE", raising=False)
    with pytest.raises(SettingError, match="KSM_CONFIG or KSM_CONFIG_FILE"):
        keeper()


def test_sensitive_outputs_go_into_files_and_come_back(tmp_path):
    """Files only we may read; the references resolve to the values; what is gone from the outputs is gone there."""
    store = FolderKeeper(tmp_path / "secrets")
    kept = store.keep("local/web1", {"password": "s3cret\n value", "pair": ["a", 1]})
    values, _ = all_secrets(tmp_path).resolve(dict(kept))
    assert values == {"password": "s3cret\n value", "pair": '["a", 1]'}
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "secrets").rglob("*")}
    assert modes == {0o700, 0o600}
    store.keep("local/web1", {"pair": "b"})
    assert [path.name for path in (tmp_path / "secrets" / "local" / "web1").iterdir()] == ["pair"]


def test_sensitive_outputs_go_to_aws_and_come_back(aws):
    """One secret per stack, with the outputs as keys; an emptied stack has none left."""
    store = AwsKeeper("sluis")
    kept = store.keep("prod/web1", {"password": "first", "token": "t"})
    assert kept["password"] == "secret://aws-sm/sluis/prod/web1#password"
    store.keep("prod/web1", {"password": "second"})
    assert Secrets({"aws-sm": AwsSecretsManager()}).value(kept["password"]) == "second"
    store.keep("prod/web1", {})
    with pytest.raises(SettingError):
        AwsSecretsManager()("sluis/prod/web1#password")


def test_a_store_that_refuses_is_named(tmp_path):
    """A secret store that cannot be written says which stack it was for."""
    (tmp_path / "secrets").write_text("in the way")
    with pytest.raises(StoreError, match="local/web1"):
        FolderKeeper(tmp_path / "secrets").keep("local/web1", {"password": "x"})
