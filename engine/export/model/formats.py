"""A part of a model as the bytes of a file: a program of `torch.export`, or ONNX.

The same weights give the same bytes, and no path of this machine is in them. The batch is free in both; all is float32
for the CPU. ONNX needs packages of the extra ``aetui[export]``.
"""

import copy
import importlib.util
import io
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind

from engine.export.model.parts import Part, outputs_of
from store.errors import RequestError

_ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_WEIGHTS = (InputKind.PARAMETER, InputKind.BUFFER)
_TRACED_BATCH = 2
"""Not 1, which `torch.export` would take for a constant."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelFile:
    """A part as a file: its ``data``, and ``run``, which computes by these bytes alone, on contiguous tensors."""

    name: str
    format: str
    opset: int | None
    data: bytes
    run: Callable[[Tensor], list[Tensor]]


def missing_packages() -> list[str]:
    """What ONNX files need and is not installed."""
    return [package for package in _ONNX_PACKAGES if importlib.util.find_spec(package) is None]


def trace(part: Part) -> ExportedProgram:
    """The part as a graph with the weights that it uses.

    Raises:
        RequestError: it has no such graph, as where a user's own kind branches on pixels or fixes the batch.
    """
    # In the order in memory that other programs expect, and apart from the run's own model.
    module = copy.deepcopy(part.module).to(memory_format=torch.contiguous_format).requires_grad_(False)
    example = torch.zeros(_TRACED_BATCH, *part.shape)  # no real image: it stays in the file
    batch = torch.export.Dim("batch", min=1)
    try:
        program = torch.export.export(module, (example,), dynamic_shapes=({0: batch},))
    except Exception as error:  # of many classes, private ones among them
        raise RequestError(f"torch.export cannot follow the {part.name}: {_first_line(error)}") from error
    _strip(program)
    return program


def as_torch(part: Part, program: ExportedProgram) -> ModelFile:
    """The ``program`` of ``part`` for `torch.export.load`."""
    file = io.BytesIO()
    torch.export.save(program, file)
    loaded = torch.export.load(io.BytesIO(file.getvalue())).module()
    return ModelFile(
        name=f"{part.name}.pt2",
        format="torch.export",
        opset=None,
        data=file.getvalue(),
        run=lambda inputs: outputs_of(loaded(inputs)),
    )


def as_onnx(part: Part, program: ExportedProgram) -> ModelFile:
    """The ``program`` of ``part`` in ONNX, in one file.

    Raises:
        RequestError: it uses what ONNX has not.
    """
    import onnxruntime  # type: ignore[import-untyped]
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    try:
        made = torch.onnx.export(
            program,
            input_names=[part.takes],
            output_names=part.gives,
            dynamic_shapes=({0: "batch"},),
            dynamo=True,
            verbose=False,
        )
    except torch.onnx.errors.OnnxExporterError as error:
        raise RequestError(f"The {part.name} cannot be written in ONNX: {_first_line(error)}") from error
    assert made is not None
    ClearMetadataAndDocStringPass()(made.model)
    proto = made.model_proto
    data = proto.SerializeToString(deterministic=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return ModelFile(
        name=f"{part.name}.onnx",
        format="onnx",
        opset=next(opset.version for opset in proto.opset_import if not opset.domain),
        data=data,
        run=lambda inputs: [torch.from_numpy(given) for given in session.run(None, {part.takes: inputs.numpy()})],
    )


def _strip(program: ExportedProgram) -> None:
    """Remove the weights of other parts, and where in which source file each operation stands."""
    signature = program.graph_signature
    specs = {spec.arg.name: spec for spec in signature.input_specs}
    for node in list(program.graph.nodes):
        if node.op == "placeholder" and not node.users and specs[node.name].kind in _WEIGHTS:
            spec = specs[node.name]
            program.graph.erase_node(node)
            signature.input_specs.remove(spec)
            program.state_dict.pop(str(spec.target), None)
    for module in program.graph_module.modules():
        if isinstance(module, torch.fx.GraphModule):
            for node in module.graph.nodes:
                node.meta.pop("stack_trace", None)
            module.recompile()


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
