"""The two Java programs of the engine: their command lines, environments and configuration files."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workers.engine.embedded.layout import LOOPBACK

if TYPE_CHECKING:
    from pathlib import Path

    from workers.engine.embedded.layout import EngineFolder, EnginePaths, EnginePorts

# Environment of the caller that could reconfigure a Java program or Spring Boot behind our back.
_FOREIGN = ("ZEEBE_", "CAMUNDA_", "SPRING_", "SERVER_", "MANAGEMENT_", "LOGGING_", "JAVA_", "JDK_JAVA_", "OPENSEARCH_")
_JVM = (
    "-XX:+UseSerialGC",
    # Room for what lives a moment only. Within the third of the heap that Java takes, collecting it was a
    # seventh of all processor time.
    "-Xmn192m",
    "-XX:+ExitOnOutOfMemoryError",
    "-Dfile.encoding=UTF-8",
    "-Djava.net.preferIPv4Stack=true",
)
_FIRST_COMPILER = "-XX:TieredStopAtLevel=1"
"""Measured on two cores: 37 seconds of processor time until ready, against 64 with the second compiler, which pays off
where an engine works hard for minutes."""
_SEARCH_NICE = 10
"""The search indexes what has happened already, so it comes behind the tools that make it happen: about a tenth of a
busy processor is left to it, and all of an idle one. Twenty plans on the same two cores take 0.87 of the time."""
_READER_MILLISECONDS = {"OPERATE": "500", "TASKLIST": "200"}
"""An idle reader looks again after this time, not after 5 s. Tasklist's comes first, since people and jobs wait for
tasks. Measured on two cores, 30 tasks each: shown after 0.33 s and completed after 0.33 s, the idle engine at 15% of a
core; with 500 for both 0.49 s, 0.46 to 0.57 s and 10%. With 1000 for Operate's the engine idles at 12%, but a process
instance shows so late that `policy.check`, which looks for who asked, waits half a second."""
_EXPORTER = "ZEEBE_BROKER_EXPORTERS_OPENSEARCH"
_STRICT_TIMES = b'"date_time || epoch_millis"'
_ALL_TIMES = b'"date_time || date_time_no_millis || epoch_millis"'


@dataclass(frozen=True, slots=True)
class Program:
    """One program for the supervisor to run.

    Attributes:
        name: ``opensearch`` or ``camunda``.
        argv: the command line.
        env: the whole environment.
        cwd: the working directory.
        output: the file that standard output and standard error go to.
        grace: seconds between SIGTERM and SIGKILL.
        nice: how far it stands back behind other programs where the processor is scarce, 0 to 19 (setpriority(2)).
    """

    name: str
    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: Path
    output: Path
    grace: float
    nice: int = 0


def opensearch(paths: EnginePaths, ports: EnginePorts, folder: EngineFolder, *, lasting: bool) -> Program:
    """OpenSearch as one node without security, for Operate and Tasklist.

    The runner listens on the base port plus the number of the node. The locale flag makes Java find the break
    iterators of ICU: a trimmed runtime has none for Thai, and without them no index can be created.
    """
    argv = (
        str(paths.java),
        *_java(lasting=lasting),
        "-Xms256m",
        "-Xmx768m",
        "-Djava.locale.providers=SPI,CLDR",
        *("-cp", f"{paths.opensearch}/*", "org.codelibs.opensearch.runner.OpenSearchRunner"),
        *("-basePath", str(folder.opensearch), "-numOfNode", "1", "-clusterName", "camunda"),
        *("-baseHttpPort", str(ports.search - 1)),
    )
    output = folder.logs / "opensearch.out"
    return Program("opensearch", argv, _environment(), folder.opensearch, output, grace=10, nice=_SEARCH_NICE)


def camunda(
    paths: EnginePaths, ports: EnginePorts, folder: EngineFolder, token: str, tasks_address: str, *, lasting: bool
) -> Program:
    """Camunda with broker, gateway, Operate and Tasklist in one process; Tasklist acts through ``tasks_address``."""
    argv = (
        str(paths.java),
        *_java(lasting=lasting),
        "-Xms256m",
        "-Xmx1g",
        f"-Dbasedir={folder.camunda}",
        f"-Dapp.home={folder.camunda}",
        # Before Spring reads LOGGING_CONFIG the distribution's own file would already have opened a second log.
        f"-Dlog4j2.configurationFile={_camunda_logging_file(folder)}",
        *("-cp", f"{_mended(folder)}:{paths.camunda}/config:{paths.camunda}/lib/*"),
        "io.camunda.application.StandaloneCamunda",
    )
    environment = _environment() | _camunda_settings(ports, folder, token, lasting=lasting)
    environment["CAMUNDA_TASKLIST_ZEEBE_RESTADDRESS"] = tasks_address
    return Program("camunda", argv, environment, folder.camunda, folder.logs / "camunda.out", grace=30)


def _java(*, lasting: bool) -> tuple[str, ...]:
    return _JVM if lasting else (*_JVM, _FIRST_COMPILER)


def has_data(folder: EngineFolder) -> bool:
    """Whether an OpenSearch has worked in the folder before."""
    return (folder.opensearch / "node_1" / "data").exists()


def prepare(paths: EnginePaths, ports: EnginePorts, folder: EngineFolder, token: str) -> None:
    """Make the engine's folders and write its configuration files; existing data stays.

    Args:
        paths: the programs.
        ports: where to listen.
        folder: the engine's files.
        token: a word by which this start's OpenSearch can be told from any other.
    """
    node = folder.opensearch / "node_1" / "config"
    for path in (folder.logs, folder.zeebe, folder.camunda, node):
        path.mkdir(parents=True, exist_ok=True)
    (node / "opensearch.yml").write_text(_opensearch_yml(ports, token), encoding="utf-8")
    (node / "log4j2.properties").write_text(_opensearch_logging(folder.logs / "opensearch.log"), encoding="utf-8")
    _camunda_logging_file(folder).write_text(_camunda_logging(folder.logs / "camunda.log"), encoding="utf-8")
    for name in ("opensearch.out", "camunda.out", "supervisor.out"):
        (folder.logs / name).write_bytes(b"")
    _mend_schema(paths, folder)


def _mended(folder: EngineFolder) -> Path:
    """Resources of Camunda as they should be; they come first on its class path."""
    return folder.camunda / "mended"


def _mend_schema(paths: EnginePaths, folder: EngineFolder) -> None:
    """Let Tasklist's indices take times without milliseconds.

    Tasklist 8.6.0 writes a time that falls on a whole second as ``2026-11-23T21:48:26Z``, and its own index refuses
    that. Its importer then tries the same record for ever, and no user task shows up any more (seen once in some
    hundred tasks; one in a thousand falls on a whole second).
    """
    for jar in paths.camunda.glob("lib/tasklist-els-schema-*.jar"):
        with zipfile.ZipFile(jar) as archive:
            for name in archive.namelist():
                if name.startswith("schema/os/create/") and name.endswith(".json"):
                    target = _mended(folder) / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.read(name).replace(_STRICT_TIMES, _ALL_TIMES))


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith(_FOREIGN)}


def _batches(*, lasting: bool) -> dict[str, str]:
    """How many records go to the search at once, and after how many seconds what is left of a batch.

    Few for the sake of people who wait. Measured on two cores, with the refresh of OpenSearch below: a user task shows
    after 0.8 s, and an instance costs engine and search 54 ms. In batches of 100 it is 1.5 s and 38 ms; one by one and
    refreshed every second, 1.0 s and 66 ms. An engine that is to work hard has Camunda's defaults.
    """
    if lasting:
        return {}
    return {f"{_EXPORTER}_ARGS_BULK_SIZE": "3", f"{_EXPORTER}_ARGS_BULK_DELAY": "1"}


def _camunda_settings(ports: EnginePorts, folder: EngineFolder, token: str, *, lasting: bool) -> dict[str, str]:
    return {
        # A small engine of one partition that keeps no more on disk than it needs.
        "ZEEBE_BROKER_DATA_DIRECTORY": str(folder.zeebe),
        "ZEEBE_BROKER_DATA_LOGSEGMENTSIZE": "16MB",
        "ZEEBE_BROKER_DATA_DISK_FREESPACE_PROCESSING": "512MB",
        "ZEEBE_BROKER_DATA_DISK_FREESPACE_REPLICATION": "256MB",
        # Loopback, and our ports, for every listener.
        "ZEEBE_BROKER_NETWORK_HOST": LOOPBACK,
        "ZEEBE_BROKER_NETWORK_ADVERTISEDHOST": LOOPBACK,
        "ZEEBE_BROKER_NETWORK_COMMANDAPI_PORT": str(ports.command),
        "ZEEBE_BROKER_NETWORK_INTERNALAPI_PORT": str(ports.internal),
        # Zeebe 8.6 binds its gossip socket (UDP) to every address, and no setting changes that. It ignores datagrams
        # that do not begin with a hash of the cluster's name, so the name is not to be guessed.
        "ZEEBE_BROKER_CLUSTER_CLUSTERNAME": f"sluis-{token}",
        "ZEEBE_BROKER_CLUSTER_INITIALCONTACTPOINTS": f"{LOOPBACK}:{ports.internal}",
        "ZEEBE_BROKER_GATEWAY_NETWORK_HOST": LOOPBACK,
        "ZEEBE_BROKER_GATEWAY_NETWORK_PORT": str(ports.grpc),
        "SERVER_ADDRESS": LOOPBACK,
        "SERVER_PORT": str(ports.rest),
        "MANAGEMENT_SERVER_ADDRESS": LOOPBACK,
        "MANAGEMENT_SERVER_PORT": str(ports.monitoring),
        # With a thread of its own for what is due, the engine now and then forgets a job that comes back after a pause:
        # it notes that it has asked for the job when it already has it back, and does not ask again the next time
        # (camunda/camunda#16884). Of 400 jobs, each given back five times on a busy machine, 7 were lost; so, none.
        "ZEEBE_BROKER_PROCESSING_ENABLEASYNCSCHEDULEDTASKS": "false",
        f"{_EXPORTER}_CLASSNAME": "io.camunda.zeebe.exporter.opensearch.OpensearchExporter",
        f"{_EXPORTER}_ARGS_URL": ports.search_address,
        f"{_EXPORTER}_ARGS_INDEX_NUMBEROFREPLICAS": "0",
        **_batches(lasting=lasting),
        "CAMUNDA_DATABASE_TYPE": "opensearch",
        "CAMUNDA_DATABASE_URL": ports.search_address,
        "CAMUNDA_REST_QUERY_ENABLED": "true",
        "LOGGING_CONFIG": str(_camunda_logging_file(folder)),
        **_web_application("OPERATE", ports),
        **_web_application("TASKLIST", ports),
    }


def _web_application(name: str, ports: EnginePorts) -> dict[str, str]:
    return {
        f"CAMUNDA_{name}_DATABASE": "opensearch",
        f"CAMUNDA_{name}_OPENSEARCH_URL": ports.search_address,
        f"CAMUNDA_{name}_OPENSEARCH_NUMBEROFREPLICAS": "0",
        f"CAMUNDA_{name}_ZEEBEOPENSEARCH_URL": ports.search_address,
        f"CAMUNDA_{name}_ZEEBE_GATEWAYADDRESS": ports.grpc_address,
        f"CAMUNDA_{name}_IMPORTER_READERBACKOFF": _READER_MILLISECONDS[name],
        f"CAMUNDA_{name}_IMPORTER_SCHEDULERBACKOFF": _READER_MILLISECONDS[name],
        # The archiver wants a plugin (index state management) that this OpenSearch does not have.
        f"CAMUNDA_{name}_ARCHIVERENABLED": "false",
    }


def _opensearch_yml(ports: EnginePorts, token: str) -> str:
    return f"""\
network.host: {LOOPBACK}
transport.port: {ports.transport}
node.attr.start: {token}
# A development engine goes on working on a full disk until Zeebe itself stops it.
cluster.routing.allocation.disk.threshold_enabled: false
action.auto_create_index: true
# Each of two stages, Zeebe's records and what Operate and Tasklist make of them, shows after this time, not a second.
cluster.minimum.index.refresh_interval: 100ms
cluster.default.index.refresh_interval: 100ms
"""


def _opensearch_logging(log: Path) -> str:
    return f"""\
status = error
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = {log}
appender.file.filePattern = {log}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{{ISO8601}} %-5p %c{{1.}} - %m%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 10MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 3
rootLogger.level = info
rootLogger.appenderRef.file.ref = file
"""


def _camunda_logging_file(folder: EngineFolder) -> Path:
    return folder.camunda / "log4j2.xml"


def _camunda_logging(log: Path) -> str:
    return f"""\
<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN" shutdownHook="disable">
  <Appenders>
    <RollingFile name="File" fileName="{log}" filePattern="{log}.%i">
      <PatternLayout pattern="%d{{ISO8601}} %-5level %logger{{1.}} - %msg%n"/>
      <Policies><SizeBasedTriggeringPolicy size="10 MB"/></Policies>
      <DefaultRolloverStrategy max="3"/>
    </RollingFile>
  </Appenders>
  <Loggers>
    <Root level="info"><AppenderRef ref="File"/></Root>
  </Loggers>
</Configuration>
"""
