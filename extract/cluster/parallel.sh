#!/bin/sh
# Extraction in N parts by GNU parallel, on this machine or (--sshlogin) on others that see the same folders. A part
# that fails is tried again, and goes on where it stopped; status 3 (images were skipped; the merged cache lists them) is
# no failure.
#   extract/cluster/parallel.sh N IMAGE_DIR CACHE [OPTION…]
set -eu
parts=$1 images=$2 cache=$3
shift 3
extract=${VGGCACHE_EXTRACT:-vggcache-extract}
last=$((parts - 1))
parallel --will-cite --quote --retries 3 sh -c '"$@" || [ $? -eq 3 ]' - \
    "$extract" --shard "{}/$parts" "$@" "$images" "$cache.{}" ::: $(seq 0 $last)
"$extract" --merge --check "$images" "$cache" $(seq -f "$cache.%g" 0 $last)
