"""The chart on a real Kubernetes API server: installed, upgraded, taken back, removed, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kubernetes_server import PROJECT, Cluster, cluster
from needs import missing
from workers.core.errors import SluisError

pytestmark = pytest.mark.slow

CHART = PROJECT / "helm" / "sluis"
LEAST = CHART / "ci" / "least.yaml"
DEPLOYMENTS = "/apis/apps/v1/namespaces/sluis/deployments"
# Nothing runs a hook's pod here, so nobody could say that it has ended.
NO_HOOKS = ("--namespace", "sluis", "--no-hooks")


@pytest.fixture(scope="module")
def kubernetes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    try:
        with cluster(tmp_path_factory.mktemp("kubernetes")) as found:
            yield found
    except SluisError as error:
        missing(error)


@pytest.fixture
def installed(kubernetes: Cluster) -> Iterator[Cluster]:
    """The chart with the least that has to be said; removed afterwards."""
    done = kubernetes.helm("install", "sluis", CHART, *NO_HOOKS, "--create-namespace", "--values", LEAST)
    assert done.returncode == 0, done.stderr
    yield kubernetes
    kubernetes.helm("uninstall", "sluis", *NO_HOOKS)


def grace(kubernetes: Cluster, pool: str = "terraform") -> int:
    spec = kubernetes.get(f"{DEPLOYMENTS}/sluis-{pool}")["spec"]["template"]["spec"]
    return int(spec["terminationGracePeriodSeconds"])


def test_what_is_installed_is_what_the_server_took(installed):
    """A Deployment, an account and a disruption budget per pool, a service, a network policy."""
    pools = {"sluis-terraform", "sluis-ansible", "sluis-light"}
    assert installed.names(DEPLOYMENTS) == pools
    assert pools <= installed.names("/api/v1/namespaces/sluis/serviceaccounts")
    assert installed.names("/apis/policy/v1/namespaces/sluis/poddisruptionbudgets") == pools
    assert installed.names("/apis/networking.k8s.io/v1/namespaces/sluis/networkpolicies") == {"sluis"}
    assert "sluis" in installed.names("/api/v1/namespaces/sluis/services")
    assert grace(installed) == 3600 + 120 + 60


def test_an_upgrade_and_the_way_back(installed):
    """An upgrade changes what it says and keeps the rest; a rollback brings the version before back."""
    before = installed.get(f"{DEPLOYMENTS}/sluis-light")["spec"]
    done = installed.helm(
        "upgrade", "sluis", CHART, *NO_HOOKS, "--values", LEAST, "--set", "pools.terraform.drainSeconds=7200"
    )
    assert done.returncode == 0, done.stderr
    assert grace(installed) == 7200 + 120 + 60
    assert installed.get(f"{DEPLOYMENTS}/sluis-light")["spec"] == before
    done = installed.helm("rollback", "sluis", "1", *NO_HOOKS)
    assert done.returncode == 0, done.stderr
    assert grace(installed) == 3600 + 120 + 60


def test_a_changed_setting_starts_workers_anew(installed):
    """The pods' template changes with the settings, so that no worker goes on with old ones."""
    before = installed.get(f"{DEPLOYMENTS}/sluis-light")["spec"]["template"]
    changed = ("--set", "settings.SLUIS_LOG_LEVEL=debug")
    done = installed.helm("upgrade", "sluis", CHART, *NO_HOOKS, "--values", LEAST, *changed)
    assert done.returncode == 0, done.stderr
    assert installed.get(f"{DEPLOYMENTS}/sluis-light")["spec"]["template"] != before


def test_a_pool_that_is_taken_out_goes(installed):
    """One worker for everything: the other Deployments, accounts and budgets are removed by the upgrade."""
    done = installed.helm("upgrade", "sluis", CHART, *NO_HOOKS, "--values", CHART / "ci" / "one-worker.yaml")
    assert done.returncode == 0, done.stderr
    assert installed.names(DEPLOYMENTS) == {"sluis-light"}
    assert installed.names("/apis/policy/v1/namespaces/sluis/poddisruptionbudgets") == {"sluis-light"}


def test_the_collector_comes_and_goes(installed, tmp_path):
    """The server takes what carries metrics to CloudWatch: one Deployment with a role that only looks at pods."""
    config = tmp_path / "collector.yaml"
    config.write_text("receivers: {}\n")
    options = (*NO_HOOKS, "--values", LEAST)
    done = installed.helm(
        "upgrade", "sluis", CHART, *options, "--set", "collector.enabled=true", "--set-file",
        f"collector.config={config}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "sluis-collector" in installed.names(DEPLOYMENTS)
    role = installed.get("/apis/rbac.authorization.k8s.io/v1/namespaces/sluis/roles/sluis-collector")
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]
    done = installed.helm("upgrade", "sluis", CHART, *options)
    assert done.returncode == 0, done.stderr
    assert "sluis-collector" not in installed.names(DEPLOYMENTS)


def test_nothing_is_left_after_an_uninstall(kubernetes):
    """What the chart made is gone; the namespace is whose it was."""
    options = ("--namespace", "gone", "--no-hooks")
    done = kubernetes.helm("install", "sluis", CHART, *options, "--create-namespace", "--values", LEAST)
    assert done.returncode == 0, done.stderr
    done = kubernetes.helm("uninstall", "sluis", *options)
    assert done.returncode == 0, done.stderr
    for path in ("/apis/apps/v1/namespaces/gone/deployments", "/api/v1/namespaces/gone/serviceaccounts",
                 "/apis/policy/v1/namespaces/gone/poddisruptionbudgets", "/api/v1/namespaces/gone/services",
                 "/api/v1/namespaces/gone/configmaps", "/api/v1/namespaces/gone/secrets"):  # fmt: skip
        assert not {name for name in kubernetes.names(path) if "sluis" in name}, path


def test_the_job_that_deploys_the_models_is_taken(kubernetes, tmp_path):
    """The server admits the hook's job too, with all that is optional around it."""
    done = kubernetes.helm(
        "template", "sluis", CHART, "--namespace", "default", "--values", LEAST,
        "--show-only", "templates/deploy-models.yaml",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    chart = tmp_path / "job"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: job\nversion: 0.1.0\n")
    (chart / "templates" / "job.yaml").write_text(done.stdout.replace("helm.sh/hook", "example.com/hook"))
    done = kubernetes.helm("install", "job", chart, "--namespace", "default")
    assert done.returncode == 0, done.stderr
    assert kubernetes.names("/apis/batch/v1/namespaces/default/jobs") == {"sluis-deploy-models"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("store.address=",), "several workers need one record"),
        (("pools.ansible=null",), "no pool serves ansible"),
        (("image.tag=latest",), "tag"),
        (("imgae.tag=1",), "imgae"),
        (("engine.oauth.tokenUrl=https://login.example.com/token",), "over TLS only"),
        (("pools.terraform.keda.enabled=true", "pools.terraform.autoscaling.enabled=true"), "both enabled"),
    ],
)
def test_values_that_are_refused_change_nothing(kubernetes: Cluster, values: tuple[str, ...], said: str) -> None:
    """Nothing is installed where one value cannot work, and the reason is told."""
    settings = [word for value in values for word in ("--set", value)]
    done = kubernetes.helm("install", "refused", CHART, "--namespace", "default", "--values", LEAST, *settings)
    assert done.returncode != 0
    assert said in done.stderr
    assert not {name for name in kubernetes.names("/apis/apps/v1/namespaces/default/deployments") if "refused" in name}


def test_an_object_that_kubernetes_does_not_know_is_refused(kubernetes: Cluster, tmp_path: Path) -> None:
    """The server is a real one: it says no to what no Kubernetes takes, so that its yes means something."""
    chart = tmp_path / "wrong"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: wrong\nversion: 0.1.0\n")
    (chart / "templates" / "wrong.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: wrong}\nspec: {replicas: 1}\n"
    )
    assert kubernetes.helm("install", "wrong", chart, "--namespace", "default").returncode != 0
