# SPDX-License-Identifier: Apache-2.0
# The image of members, of backup jobs and of the operator. `make image` builds the same without a
# daemon; both take the files from scripts/image.
FROM swift:6.3-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends libssl-dev libyaml-dev pkg-config binutils \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN scripts/image stage /stage \
    && chown 65532:65532 /stage/var/lib/etcd

FROM scratch
COPY --from=build /stage/ /
ENV PATH=/usr/local/bin
USER 65532:65532
WORKDIR /tmp
EXPOSE 2379 2380 2381
CMD ["keelson-node"]
