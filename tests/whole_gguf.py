"""A GGUF file with its weights as this project computes with them: so that llama.cpp and we have the same numbers."""

from pathlib import Path


def whole(source: Path, target: Path) -> Path:
    """`source` with every weight dequantised and rounded to bf16, as our conversion does, and written as float32."""
    import gguf
    import torch

    reader = gguf.GGUFReader(source)
    architecture = reader.get_field(gguf.Keys.General.ARCHITECTURE).contents()
    writer = gguf.GGUFWriter(target, architecture)
    for field in reader.fields.values():
        if field.name != gguf.Keys.General.ARCHITECTURE and not field.name.startswith("GGUF."):
            nested = field.types[-1] if field.types[0] is gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=nested)
    for tensor in reader.tensors:
        numbers = torch.from_numpy(gguf.quants.dequantize(tensor.data, tensor.tensor_type).copy())
        writer.add_tensor(tensor.name, numbers.to(torch.bfloat16).float().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target
