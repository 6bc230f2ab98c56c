# Sluis with OpenTofu, Ansible, git and ssh, and the models, modules, roles and environments of this project.
#
#   docker build --tag sluis .
#
# Runs as user 10001 with a read-only root file system: only /data and /tmp are written to, and /dev/shm where it is
# large enough. tests/acceptance/test_image_steps.py runs these very steps without Docker.
# The images are pinned by digest (multi-architecture indexes); dependabot proposes newer ones.

# OpenTofu, from its Go module with the checksums of tools/tofu/go.sum.
FROM golang:1.26.8-trixie@sha256:bdca99a00bc16590cb1a0bb4e698f5fc5d6a64e4d5eef13d9f18a0ee08e5fa65 AS tofu
WORKDIR /build
COPY tools/tofu/go.mod tools/tofu/go.sum ./
ENV CGO_ENABLED=0
RUN go build -trimpath -mod=readonly -ldflags "-s -w -X github.com/opentofu/opentofu/version.dev=no" -o /tofu github.com/opentofu/opentofu/cmd/tofu

# Sluis and its packages, each with its checksum.
FROM debian:trixie-slim@sha256:a99cfc517144bc59b1978475ec53b46ecabec7e43635402ee5b77cc54cd1b20a AS packages
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
RUN python3 -m venv /opt/sluis
COPY requirements/image.txt ./requirements/
RUN /opt/sluis/bin/pip install --no-cache-dir --require-hashes --requirement requirements/image.txt
COPY pyproject.toml README.md LICENSE ./
COPY workers ./workers
RUN /opt/sluis/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/sluis/bin/pip uninstall --yes hatchling pathspec pluggy trove-classifiers pip \
    && /opt/sluis/bin/python -m compileall -q /opt/sluis/lib

FROM debian:trixie-slim@sha256:a99cfc517144bc59b1978475ec53b46ecabec7e43635402ee5b77cc54cd1b20a
LABEL org.opencontainers.image.title="sluis" \
      org.opencontainers.image.description="Camunda 8 job workers for Terraform modules and Ansible roles" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN apt-get update \
    && apt-get upgrade --yes \
    && apt-get install --yes --no-install-recommends ca-certificates git openssh-client python3 tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --home-dir /data --no-create-home --shell /usr/sbin/nologin sluis \
    && install --directory --owner sluis --group sluis --mode 0700 /data
COPY --from=tofu /tofu /usr/local/bin/tofu
COPY --from=packages /opt/sluis /opt/sluis
COPY bpmn /project/bpmn
COPY terraform/modules /project/terraform/modules
COPY ansible /project/ansible
COPY environments /project/environments
COPY policy /project/policy
ENV PATH=/opt/sluis/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/data \
    SLUIS_ENGINE=external \
    SLUIS_PROJECT=/project \
    SLUIS_DATA=/data \
    SLUIS_WEB_ADDRESS=0.0.0.0 \
    SLUIS_LOG_FORMAT=json
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8090
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8090/api/health', timeout=4)"]
# A worker gets the signal itself and lets its jobs end; tini collects what killed tools leave behind.
ENTRYPOINT ["/usr/bin/tini", "--", "sluis"]
CMD ["worker"]
