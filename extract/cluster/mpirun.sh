#!/bin/sh
# Extraction by N ranks of an MPI that exports Open MPI's or PMI's variables; they do not talk to one another. A rank
# that skips images (status 3; the merged cache lists them) does not end the others.
#   extract/cluster/mpirun.sh N IMAGE_DIR CACHE [OPTION…]
set -eu
parts=$1 images=$2 cache=$3
shift 3
extract=${VGGCACHE_EXTRACT:-vggcache-extract}
mpirun ${MPIRUN_OPTIONS:-} -n "$parts" sh -c \
    'extract=$1 images=$2 cache=$3; shift 3
     "$extract" --shard auto "$@" "$images" "$cache.${OMPI_COMM_WORLD_RANK:-$PMI_RANK}" || [ $? -eq 3 ]' \
    - "$extract" "$images" "$cache" "$@"
"$extract" --merge --check "$images" "$cache" $(seq -f "$cache.%g" 0 $((parts - 1)))
