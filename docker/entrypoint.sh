#!/bin/sh
# Gives each program its secrets as it expects them, then becomes head, worker, mlflow, submit, or any other command.
set -eu

given() { [ -r "/run/secrets/$1" ] && cat "/run/secrets/$1"; }
needed() {
    given "$1" && return
    echo "/run/secrets/$1: absent or not readable; docker/secrets.sh makes it" >&2
    exit 1
}

if given mlflow_password >/dev/null && [ "${1:-}" != mlflow ]; then
    MLFLOW_TRACKING_USERNAME='admin'
    MLFLOW_TRACKING_PASSWORD=$(given mlflow_password)
    export MLFLOW_TRACKING_USERNAME MLFLOW_TRACKING_PASSWORD
fi

role=${1:-}
[ $# -eq 0 ] || shift
case $role in
head)
    exec ray start --block --head --port 6379 --dashboard-host 0.0.0.0 --dashboard-port 8265 \
        --num-cpus "${RAY_CPUS:-0}" --num-gpus 0 --object-store-memory "$OBJECT_STORE_BYTES" "$@"
    ;;
worker)
    exec ray start --block --address head:6379 --num-cpus "$RAY_CPUS" --object-store-memory "$OBJECT_STORE_BYTES" "$@"
    ;;
mlflow)
    PGPASSWORD=$(needed postgres_password)
    MLFLOW_AUTH_ADMIN_PASSWORD=$(needed mlflow_password)
    MLFLOW_FLASK_SERVER_SECRET_KEY=$(needed mlflow_flask_secret)
    export PGPASSWORD MLFLOW_AUTH_ADMIN_PASSWORD MLFLOW_FLASK_SERVER_SECRET_KEY
    exec mlflow server --host 0.0.0.0 --port 5000 --workers 1 --app-name basic-auth \
        --backend-store-uri postgresql+psycopg://mlflow@postgres/mlflow \
        --serve-artifacts --artifacts-destination "${MLFLOW_ARTIFACTS:-/artifacts}" \
        --allowed-hosts "$MLFLOW_ALLOWED_HOSTS" --cors-allowed-origins "$MLFLOW_ALLOWED_ORIGINS" "$@"
    ;;
submit)
    # The head runs the job; where it keeps and tracks is the cluster's affair and not the sweep file's.
    exec vae-sweep submit --address http://head:8265 --no-code --wait "$@" \
        --set storage.directory=/storage --set "tracking.uri=$MLFLOW_TRACKING_URI"
    ;;
*)
    exec "$role" "$@"
    ;;
esac
