#!/usr/bin/env bash
# The whole recipe on real rows, small: data, fine-tuning, both stages of reinforcement, export, and a question asked of
# the exported model. SMOKE_SCALE (default 1) shrinks it: 0.1 runs in CI. From anywhere; on two CPU cores it takes minutes.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
work=${1:-$(mktemp -d)}
scale=${SMOKE_SCALE:-1}
train=${RAG_REASONER_TRAIN:-rag-reasoner-train}
ask=${RAG_REASONER:-rag-reasoner}
step() { printf '\n== %s (%s s)\n' "$1" "$SECONDS"; }
times() { awk -v n="$1" -v s="$scale" -v least="$2" 'BEGIN { k = int(n * s); print (k < least) ? least : k }'; }
common=(--set words=40 --set judge_tokens=64 --set tokens_per_batch=2048 --set logging_steps=1 \
  --set save_steps=1000 --set disable_tqdm=true)

step "data: rows with few candidates, and a reasoning chain for each"
for split in train dev; do
  "$train" data rows --data "$here/sample" --split "$split" --out "$work/data" --candidates 4 --order shuffled
  "$train" data chains --data "$work/data" --split "$split" --brief
done

step "sft: perfect replies of every task"
"$train" sft "$here/configs/sft.yaml" --data "$work/data" --out "$work/sft" "${common[@]}" --set shuffles=1 \
  --set rows="$(times 40 3)" --set dev_rows="$(times 6 2)" --set eval_steps=1000 --set lora_rank=8 --set lora_alpha=16

step "stage 1: judgements, reinforced"
"$train" pointwise "$here/configs/pointwise.yaml" --data "$work/data" --out "$work/pointwise" "${common[@]}" \
  --set start="$work/sft" --set rows="$(times 30 3)" --set pairs="$(times 40 4)" --set max_steps="$(times 6 1)" \
  --set calibration_rows="$(times 12 6)" --set calibration=isotonic --set eval_steps=1000 \
  --set per_device_train_batch_size=16 --set samples_every=1

step "stage 2: lists and answers, reinforced"
"$train" listwise "$here/configs/listwise.yaml" --data "$work/data" --out "$work/listwise" "${common[@]}" \
  --set start="$work/pointwise" --set rows="$(times 12 2)" --set max_steps="$(times 4 1)" --set dev_rows=0 \
  --set num_generations=4 --set per_device_train_batch_size=4 --set max_completion_length="$(times 120 32)" \
  --set samples_every=1

step "export"
"$train" export "$work/listwise" --out "$work/model" --calibrate "$work/data" --rows "$(times 12 6)" --method isotonic

step "a rerank with the exported model"
printf '%s\n' '{"id": "rock", "text": "Basalt forms when lava cools quickly."}' \
  '{"id": "museum", "text": "The museum opened in 1962 after ten years of building."}' >"$work/candidates.jsonl"
"$ask" rerank "When did the museum open?" --candidates "$work/candidates.jsonl" --model "$work/model"

step "done: $work"
