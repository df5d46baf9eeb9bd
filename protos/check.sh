#!/bin/sh
# Fails when the committed wire types differ from what protos/ generates. Usage: protos/check.sh [python]
set -eu
cd "$(dirname "$0")/.."
python=${1:-python}
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
"$python" -m grpc_tools.protoc -I protos --python_out="$fresh" --pyi_out="$fresh" --grpc_python_out="$fresh" \
    protos/searchrank/v1/*.proto
for file in "$fresh"/searchrank/v1/*; do
    diff -u "searchrank/v1/$(basename "$file")" "$file" || {
        echo "searchrank/v1 is out of date: run 'make protos'" >&2
        exit 1
    }
done
