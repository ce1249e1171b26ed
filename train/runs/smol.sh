#!/usr/bin/env bash
# Trains the adapter that ships with the library: SMOL_DATA holds a folder each of squad, ottqa and tatqa (train and dev
# splits, in the format of `rag-reasoner eval jsonl`). On two CPU cores it takes hours; started again, it goes on where it
# was. What was tried besides, and what came out, is in docs/experiments.md.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
data=${SMOL_DATA:?give SMOL_DATA, the folder with squad, ottqa and tatqa}
work=${1:-runs/smol}
rows=${SMOL_ROWS:-700}
train=${RAG_REASONER_TRAIN:-rag-reasoner-train}
step() { printf '\n== %s (%s s)\n' "$1" "$SECONDS"; }

# Two processes of one thread each, and memory that is kept: twice as fast on two cores as one process with two threads.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} OMP_WAIT_POLICY=PASSIVE
export GLIBC_TUNABLES=${GLIBC_TUNABLES:-glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=34359738368:glibc.malloc.arena_max=1}
processes=${SMOL_PROCESSES:-2}

learn() { # STAGE CONFIG OUT [ARGUMENTS…]: from the last whole checkpoint, if there is one
  local stage=$1 config=$2 out=$3 resume=()
  [ -f "$out/finished" ] && return
  compgen -G "$out/checkpoint-*/whole" >/dev/null && resume=(--resume)
  torchrun --nproc_per_node "$processes" --no-python "$train" "$stage" "$config" --out "$out" "${@:4}" "${resume[@]}" \
    --set ddp_backend=gloo --set ddp_find_unused_parameters=false --set disable_tqdm=true
  touch "$out/finished"
}

rows_of() { # OUT SAMPLE SEED: natural rows of six candidates, an eighth of them whole pages
  [ -f "$1/train.jsonl" ] || "$train" data rows --data "$data/squad" --data "$data/ottqa" --data "$data/tatqa" --out "$1" \
    --sample "$2" --seed "$3" --candidates 6 --easy 0.2 --pages 0.12 --unanswerable 0.04 --order shuffled
}

step "data: rows to tell apart, and others for later"
rows_of "$work/data" "$rows" 21
rows_of "$work/more" "$((rows / 6))" 22

step "the judge: candidates told apart"
learn sft "$here/configs/smol/judge.yaml" "$work/judge" --data "$work/data"

step "lists: the best three of each row as the judge met it, a fifth of them without a relevant one"
[ -f "$work/lists/train.jsonl" ] || "$train" data filtered --data "$work/data" --met "$work/judge" --keep 3 --unanswerable 0.2 --out "$work/lists"
[ -f "$work/lists/train.chains.jsonl" ] || "$train" data chains --data "$work/lists" --brief

step "lists with quotes and answers, and judging beside"
learn sft "$here/configs/smol/joint.yaml" "$work/joint" --data "$work/more" --set "start=$work/judge" --set "lists=$work/lists"

step "calibration, on dev rows with all their candidates; the lists are not good enough to be shown"
for set in squad ottqa tatqa; do
  [ -f "$work/dev/$set/dev.jsonl" ] || "$train" data rows --data "$data/$set" --split dev --out "$work/dev/$set"
done
[ -d "$work/adapter" ] || "$train" export "$work/joint" --out "$work/adapter" --dtype bfloat16 --nearness --rows "${SMOL_DEV:-150}" \
  --judges-only --calibrate "$work/dev/squad" --calibrate "$work/dev/ottqa" --calibrate "$work/dev/tatqa"

step "done: $work/adapter; copy it to src/rag_reasoner/adapter"
