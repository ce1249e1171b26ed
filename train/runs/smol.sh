#!/usr/bin/env bash
# Trains the adapter that ships with the library: SMOL_DATA holds a folder each of squad, ottqa and tatqa (train and dev
# splits, in the format of `rag-reasoner eval jsonl`). On two CPU cores it takes hours; started again, it goes on where it
# was. What was tried besides, and what came out, is in docs/experiments.md.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
data=${SMOL_DATA:?give SMOL_DATA, the folder with squad, ottqa and tatqa}
work=${1:-runs/smol}
rows=${SMOL_ROWS:-1400}
train=${RAG_REASONER_TRAIN:-rag-reasoner-train}
step() { printf '\n== %s (%s s)\n' "$1" "$SECONDS"; }

# Two processes of one thread each, and memory that is kept: twice as fast on two cores as one process with two threads.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} OMP_WAIT_POLICY=PASSIVE
export GLIBC_TUNABLES=${GLIBC_TUNABLES:-glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=34359738368:glibc.malloc.arena_max=1}
processes=${SMOL_PROCESSES:-2}

learn() { # STAGE CONFIG OUT [ARGUMENTS…]: from the last whole checkpoint, if there is one
  local stage=$1 config=$here/configs/smol/$2.yaml out=$work/$3 resume=()
  [ -f "$out/finished" ] && return
  compgen -G "$out/checkpoint-*/whole" >/dev/null && resume=(--resume)
  torchrun --nproc_per_node "$processes" --no-python "$train" "$stage" "$config" --out "$out" "${@:4}" "${resume[@]}" \
    --set ddp_backend=gloo --set ddp_find_unused_parameters=false --set disable_tqdm=true
  touch "$out/finished"
}

rows_of() { # OUT SAMPLE SEED: natural rows of six candidates, an eighth of them whole pages
  [ -f "$work/$1/train.jsonl" ] || "$train" data rows --data "$data/squad" --data "$data/ottqa" --data "$data/tatqa" --out "$work/$1" \
    --sample "$2" --seed "$3" --candidates 6 --easy 0.2 --pages 0.12 --unanswerable 0.04 --order shuffled
}

alone() { # OUT SET LEAST MOST UNANSWERABLE SEED [ARGUMENTS…]: documents by themselves
  local out=$work/$1/$2
  [ -f "$out/train.jsonl" ] || "$train" data alone --data "$data/$2" --out "$out" --least "$3" --most "$4" --unanswerable "$5" --seed "$6" "${@:7}"
  [ -f "$out/train.chains.jsonl" ] || "$train" data chains --data "$out" --brief
}

step "data: rows to tell apart, and documents to read"
rows_of judged "$rows" 21
rows_of more "$((rows / 2))" 22
rows_of last "$((rows / 6))" 23
rows_of few "$((rows / 6))" 77
alone alone squad 3 6 0.2 3 --documents "$rows"
alone alone tatqa 1 5 0.2 3 --documents "$((rows / 2))"
alone alone ottqa 1 4 0.2 3 --documents "$((rows * 5 / 7))"
alone all squad 2 6 0.08 4
alone all tatqa 1 6 0.08 4
alone all ottqa 1 6 0.08 4

step "the judge: candidates told apart"
learn sft judge judge --data "$work/judged"

step "reading: a quote and an answer from one document, and judging beside"
learn sft reading reading --data "$work/more" --set "start=$work/judge" \
  --set "lists=[$work/alone/squad, $work/alone/tatqa, $work/alone/ottqa]"

step "lists: the best three of each row as it was met, a fifth without a relevant one, and documents again"
[ -f "$work/met/train.jsonl" ] || "$train" data filtered --data "$work/judged" --met "$work/judge" --keep 3 --unanswerable 0.2 --out "$work/met"
[ -f "$work/met/train.chains.jsonl" ] || "$train" data chains --data "$work/met" --brief
learn sft lists lists --data "$work/last" --set "start=$work/reading" --set "lists=[$work/met, $work/alone/squad, $work/alone/tatqa, $work/alone/ottqa]"

step "reading on: many more documents"
learn sft longer longer --data "$work/few" --set "start=$work/lists" \
  --set "lists=[$work/met, $work/all/squad, $work/all/tatqa, $work/all/ottqa]"

step "stage 1: the judgement reinforced"
learn pointwise stage1 stage1 --data "$work/more" --set "start=$work/longer"

step "stage 2: lists reinforced"
learn listwise stage2 stage2 --data "$work/met" --set "start=$work/stage1"

step "calibration of the run that ships (SMOL_SHIP), on dev rows with all their candidates"
for set in squad ottqa tatqa; do
  [ -f "$work/dev/$set/dev.jsonl" ] || "$train" data rows --data "$data/$set" --split dev --out "$work/dev/$set"
done
[ -d "$work/adapter" ] || "$train" export "$work/${SMOL_SHIP:-stage1}" --out "$work/adapter" --dtype bfloat16 --among --rows "${SMOL_DEV:-900}" \
  --list-size 3 --held --passages 2 --kept 0.957 --answered 0.905 --calibrate "$work/dev/squad" --calibrate "$work/dev/ottqa" --calibrate "$work/dev/tatqa"

step "done: $work/adapter; copy it to src/rag_reasoner/adapter"
