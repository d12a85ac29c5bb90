# assay with PostgreSQL, for CI and for the Docker hook of pre-commit.
#   docker run --rm -v "$PWD:/src" ghcr.io/assaydb/assay lint
FROM golang:1.26-alpine AS build
RUN apk add --no-cache build-base
WORKDIR /build
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=1 go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /assay ./cmd/assay

FROM alpine:3.22
LABEL org.opencontainers.image.source=https://github.com/assaydb/assay org.opencontainers.image.licenses=Apache-2.0
# git says which migrations are new; contrib has the usual extensions.
RUN apk add --no-cache ca-certificates git icu-data-full postgresql17 postgresql17-contrib tzdata \
 && adduser -D -u 10001 assay \
 && install -d -m 1777 /cache /src \
 && chmod a+w /etc/passwd \
 && git config --system --add safe.directory '*'
COPY --from=build /assay /usr/local/bin/assay
COPY integrations/docker/entrypoint.sh /usr/local/bin/assay-entrypoint
# PostgreSQL refuses to run as root, and nothing here needs it.
USER 10001:10001
ENV ASSAY_CACHE_DIR=/cache PATH=/usr/libexec/postgresql17:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
WORKDIR /src
ENTRYPOINT ["assay-entrypoint"]
CMD ["lint"]
