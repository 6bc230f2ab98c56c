"""Mail through a real SMTP server, SNS through moto's server, and the texts that both carry."""

from __future__ import annotations

import json

import boto3
import pytest

from aws_server import aws_server, use_aws
from people_kit import PASSWORD, Letters, mail_server, notice
from workers.core.errors import SettingError, ToolError
from workers.core.notices import MailChannel, SnsChannel
from workers.people.mail import Mail
from workers.people.sns import Sns
from workers.people.texts import Texts

# The test server's own advice: with TLS from the first byte it cannot see that there is TLS.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


def mail(folder, port, tls, authority="", password=PASSWORD, to=("ops@example.com",)) -> Mail:
    server = MailChannel(
        host="localhost", port=port, tls=tls, ca_file=str(authority), user="sluis",
        password="secret://env/SMTP", sender="sluis@example.com",
    )  # fmt: skip
    return Mail(server, lambda: password, Texts(folder / "notices"), lambda _: to)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_mail_arrives_encrypted_as_text_and_html(tmp_path, tls):
    """Over both kinds of TLS a signed-in mail arrives, with one part to read and one escaped HTML part."""
    letters = Letters()
    with mail_server(tmp_path, tls, letters) as (port, authority):
        await mail(tmp_path, port, tls, authority, to=("a@example.com", "b@example.com")).send(notice())
    [letter] = letters.taken
    assert letters.recipients == [["a@example.com", "b@example.com"]]
    assert (letter["Subject"], letter["From"]) == ("Machine ready: local/web1", "sluis@example.com")
    assert "It <b>answers</b>." in letter.get_body(("plain",)).get_content()
    assert "It &lt;b&gt;answers&lt;/b&gt;." in letter.get_body(("html",)).get_content()


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_server_with_an_unknown_certificate_gets_nothing(tmp_path, tls):
    """Where nobody whom we trust vouches for the server, neither password nor mail is sent."""
    letters = Letters()
    with mail_server(tmp_path, tls, letters) as (port, _), pytest.raises(ToolError, match="certificate"):
        await mail(tmp_path, port, tls).send(notice())
    assert letters.taken == []


async def test_a_wrong_password_is_a_setting_to_mend(tmp_path):
    """A server that does not let us in is told apart from trouble that may pass, and the password is not shown."""
    refused = pytest.raises(SettingError, match="does not let sluis in")
    with mail_server(tmp_path, "starttls", Letters()) as (port, authority), refused as caught:
        await mail(tmp_path, port, "starttls", authority, password="wrong-one").send(notice())
    assert "wrong-one" not in str(caught.value)


async def test_a_subject_cannot_add_headers(tmp_path):
    """A line break in a subject, which comes from a process variable, does not become a header or a recipient."""
    letters = Letters()
    with mail_server(tmp_path, "starttls", letters) as (port, authority):
        await mail(tmp_path, port, "starttls", authority).send(notice(subject="Hello\r\nBcc: eve@example.com"))
    assert letters.taken[0]["Bcc"] is None
    assert letters.recipients == [["ops@example.com"]]


async def test_mail_for_nobody_is_said(tmp_path):
    """A notice whose people have no address is refused with what to set."""
    with pytest.raises(SettingError, match=r"notices\.contacts"):
        await mail(tmp_path, 1, "starttls", to=()).send(notice())


def test_a_project_brings_its_own_templates(tmp_path):
    """A template for one event counts before the project's default one, which counts before ours."""
    folder = tmp_path / "notices"
    folder.mkdir()
    (folder / "applied.txt").write_text("Done: {{ notice.subject }}")
    (folder / "default.txt").write_text("Other: {{ notice.event }}")
    texts = Texts(folder)
    assert texts.render(notice(), "txt") == "Done: Machine ready: local/web1\n"
    assert texts.render(notice(event="failed"), "txt") == "Other: failed\n"
    assert "Machine ready" in texts.render(notice(), "html")


@pytest.mark.parametrize(
    "template",
    [
        "{{ notice.nothing }}",
        "{% if %}",
        "{{ notice.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
    ],
)
def test_a_broken_or_reaching_template_is_refused(tmp_path, template):
    """A template that is wrong, or that reaches for Python's insides, gives an error that names the event."""
    (tmp_path / "applied.txt").write_text(template)
    with pytest.raises(SettingError, match="template of 'applied'"):
        Texts(tmp_path).render(notice(), "txt")


def test_an_event_is_no_way_to_other_files(tmp_path):
    """An event named like a path falls back to the default template."""
    (tmp_path / "secret.txt").write_text("hidden")
    assert "hidden" not in Texts(tmp_path / "notices").render(notice(event="../secret"), "txt")


@pytest.fixture
def aws(monkeypatch):
    with aws_server() as address:
        use_aws(monkeypatch, address)
        yield address


async def test_a_notice_is_published_to_sns(aws, tmp_path):
    """What is published reaches a queue that subscribes to the topic, with its event to filter by."""
    options = {"region_name": "eu-west-1", "endpoint_url": aws}
    sns, sqs = boto3.client("sns", **options), boto3.client("sqs", **options)
    topic = sns.create_topic(Name="people")["TopicArn"]
    queue = sqs.create_queue(QueueName="ops")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    await Sns(SnsChannel(topic_arn=topic, endpoint=aws), Texts(tmp_path)).send(notice(subject="Überfällig\nnow"))
    body = json.loads(sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"])
    assert body["Subject"] == "berf?llig now"
    assert "It <b>answers</b>." in body["Message"]
    assert body["MessageAttributes"]["event"]["Value"] == "applied"


async def test_a_topic_that_is_not_there_is_a_setting_to_mend(aws, tmp_path):
    """SNS's refusal of a topic names the topic and is not tried again."""
    channel = SnsChannel(topic_arn="arn:aws:sns:eu-west-1:123456789012:nowhere", endpoint=aws)
    with pytest.raises(SettingError, match="nowhere"):
        await Sns(channel, Texts(tmp_path)).send(notice())
