#!/usr/bin/env bash
# The integration packages as a stranger gets them: built as wheels, installed from wheels alone beside rag-reasoner, tested
# with the highest and the lowest supported frameworks, and the notebooks run. Uses a temporary folder, or the one given.
set -euo pipefail
cd "$(dirname "$0")/.."
work=${1:-$(mktemp -d)}
packages=(integrations/langchain-rag-reasoner integrations/llama-index-postprocessor-rag-reasoner)
tools=(pytest pytest-asyncio)
highest=("langchain-core<2" "langchain" "langchain-classic" "langchain-tests" "llama-index-core<0.15")
lowest=("langchain-core==1.0.0" "langchain==1.0.0" "langchain-classic==1.0.0" "langchain-tests==1.0.0" "llama-index-core==0.13.0")
lowest+=("langgraph-checkpoint<4") # later ones need a later langchain-core, and do not say so

python3 -m pip wheel -q --no-deps -w "$work/wheels" . "${packages[@]}"

tested() { # NAME REQUIREMENT...
  local name=$1
  shift
  python3 -m venv "$work/$name"
  "$work/$name/bin/pip" install -q "$work"/wheels/*.whl "${tools[@]}" "$@"
  for package in "${packages[@]}"; do
    echo "$package with the $name frameworks"
    (cd "$package" && "$work/$name/bin/pytest" -q -p no:cacheprovider)
  done
}

tested lowest "${lowest[@]}"
tested highest "${highest[@]}" nbmake ipykernel
(cd examples && "$work/highest/bin/pytest" -q -p no:cacheprovider --nbmake core.ipynb langchain.ipynb llama_index.ipynb)
