# One image for the operator and the proxies; the command decides. `docker build .`, or `make image`.
#
# Python packages are those of uv.lock, checked against its hashes. Debian's are those of the day of the build, so that
# a new build has its security updates; BASE takes a digest.
ARG BASE=debian:trixie-slim

# Python and the system's CAs: what the build and the result have in common.
FROM ${BASE} AS python
RUN export DEBIAN_FRONTEND=noninteractive \
 && apt-get update --quiet \
 && apt-get upgrade --yes --quiet \
 && apt-get install --yes --quiet --no-install-recommends ca-certificates python3 \
 # The root may be read-only, so nothing can be compiled at the start; and Debian's bytecode goes by the dates of its
 # sources, which image builders may change. This goes by nothing: the same files give the same bytes.
 && python3 -m compileall -q -f --invalidation-mode unchecked-hash /usr/lib/python3* \
 # Lists, caches and logs differ from build to build, and nobody reads them.
 && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* /var/lib/dpkg/*-old

FROM python AS build
RUN export DEBIAN_FRONTEND=noninteractive \
 && apt-get update --quiet \
 && apt-get install --yes --quiet --no-install-recommends python3-venv gcc libc6-dev python3-dev
# For a network that has a package index of its own. Its CA, where it has one: the secret `ca`, a file in PEM.
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
WORKDIR /src
COPY hack/image/build-requirements.txt ./
RUN --mount=type=secret,id=ca \
    if [ -f /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
 && python3 -m venv /build \
 && /build/bin/pip install --quiet --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: --requirement build-requirements.txt
ENV UV_PROJECT_ENVIRONMENT=/opt/tenantproxy \
    UV_PYTHON=/usr/bin/python3 \
    UV_PYTHON_DOWNLOADS=never \
    UV_NO_CACHE=1 \
    UV_LINK_MODE=copy
# Apart from the project's own code, which changes more often.
COPY pyproject.toml uv.lock ./
RUN --mount=type=secret,id=ca \
    if [ -f /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi \
 && /build/bin/uv sync --quiet --locked --no-dev --extra operator --extra otel --no-install-project --no-build
COPY README.md ./
COPY proxy proxy
COPY operator operator
# By the backend of build-requirements.txt: an isolated build would fetch one that nothing pins.
# What a request passes is compiled (pyproject.toml), by the types of what it stands on, at the place where it is used. Of
# the machine and the moment nothing comes into it, such as the temporary folder (__FILE__).
RUN (cd /build/lib/python3.*/site-packages && echo /opt/tenantproxy/lib/python3.*/site-packages > dependencies.pth) \
 && HATCH_BUILD_HOOK_ENABLE_MYPYC=true PYTHONHASHSEED=0 \
    CFLAGS="-ffunction-sections -fdata-sections -fvisibility=hidden -Wno-builtin-macro-redefined -D__FILE__=__func__" \
    LDFLAGS="-Wl,--gc-sections -Wl,-z,noseparate-code -Wl,-z,pack-relative-relocs -Wl,-s" \
    /build/bin/python -m hatchling build --target wheel --directory /dist \
 # By pip: uv would write the wheel's date into the environment.
 && /build/bin/pip --python /opt/tenantproxy install --quiet --disable-pip-version-check \
        --no-index --no-deps --no-compile /dist/*.whl \
 # As above; the Kubernetes client's thousands of generated models are never loaded.
 && python3 -m compileall -q -f --invalidation-mode unchecked-hash \
        -x 'kubernetes/(aio/)?client/(api|models)/[a-z]' /opt/tenantproxy/lib \
 && rm -f /opt/tenantproxy/.lock

FROM python
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="tenantproxy" \
      org.opencontainers.image.description="Customer Order proxy mode: the operator, and the proxies that it runs" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/tenantproxy /opt/tenantproxy
# A name and a home for a user that is not in /etc/passwd, whatever its number: kopf asks for the one when it starts, the
# Kubernetes client for the other when it is imported, and both fail without. And Python's own UTF-8, which is smaller
# than that of a locale.
ENV PATH=/opt/tenantproxy/bin:$PATH \
    HOME=/nonexistent \
    USER=nonroot \
    PYTHONCOERCECLOCALE=0
# Any but root, and a number: only of a number Kubernetes knows that it is not root. As in render/pod.py and the chart.
USER 65532:65532
# The API, and metrics with probes.
EXPOSE 8080 9090
# No entry point: `tenantproxy serve` and `tenantproxy-operator run` are for whoever starts it to say.
CMD ["tenantproxy", "--help"]
