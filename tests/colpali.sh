#!/usr/bin/env bash
# rag-reasoner[colpali] in an environment of its own, as pip makes it: on a CPU machine torchvision comes built for CUDA
# beside a CPU torch. Everything about page retrievers, vision models and Ray must work there. Uses a temporary folder, or
# the one given.
set -euo pipefail
cd "$(dirname "$0")/.."
work=${1:-$(mktemp -d)}

python3 -m venv "$work/colpali"
"$work/colpali/bin/pip" install -q '.[colpali,ray,test]' ./integrations/langchain-rag-reasoner \
  ./integrations/llama-index-postprocessor-rag-reasoner nbmake ipykernel
"$work/colpali/bin/pip" list 2>/dev/null | grep -iE '^(torch|torchvision|transformers|colpali.engine|faiss.cpu) '
"$work/colpali/bin/python" -c 'import torchvision' 2>/dev/null && echo "torchvision fits torch" || echo "torchvision does not fit torch"
"$work/colpali/bin/pytest" -q -p no:cacheprovider tests/test_colpali_*.py tests/test_cli_index.py tests/test_local_vision.py \
  tests/test_batch_ray.py
(cd examples && "$work/colpali/bin/pytest" -q -p no:cacheprovider --nbmake visual_*.ipynb)
