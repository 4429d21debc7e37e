#!/bin/sh
# Makes the secrets of compose.yaml, random ones, in docker/secrets; those that are there stay.
# Only you can enter the folder; the files themselves are readable, since each is mounted into a container by itself,
# where another user reads it.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
chmod 700 secrets
for name in mlflow_flask_secret mlflow_password postgres_password ray_token; do
    [ -s "secrets/$name" ] || od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"secrets/$name"
    chmod 644 "secrets/$name"
done
echo "docker/secrets holds them"
