"""Let a command take its options as structs, where they belong together.

A parameter whose type is a dataclass stands for its fields: each of them is an argument
or an option of the command, in the order of the class, and the command gets the struct.
"""

import dataclasses
import inspect
from collections.abc import Callable
from inspect import Parameter
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def spread(function: Callable[..., object]) -> Callable[..., object]:
    """Return a function with a parameter for each field of its structs."""
    structs: dict[str, Any] = {}
    parameters: list[Parameter] = []
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        struct = parameter.annotation
        if isinstance(struct, type) and dataclasses.is_dataclass(struct):
            structs[parameter.name] = struct
            parameters += _fields_of(struct)
        else:
            parameters.append(parameter.replace(kind=Parameter.KEYWORD_ONLY))
    if not structs:
        return function

    def command(**values: object) -> object:
        for name, struct in structs.items():
            fields = dataclasses.fields(struct)
            values[name] = struct(**{it.name: values.pop(it.name) for it in fields})
        return function(**values)

    command.__doc__ = function.__doc__
    command.__annotations__ = {it.name: it.annotation for it in parameters}
    # typer, and the documents, read the parameters of a command from here.
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return command


def _fields_of(struct: "type[DataclassInstance]") -> list[Parameter]:
    types = get_type_hints(struct, include_extras=True)
    return [
        Parameter(
            field.name,
            Parameter.KEYWORD_ONLY,
            default=(
                Parameter.empty
                if field.default is dataclasses.MISSING
                else field.default
            ),
            annotation=types[field.name],
        )
        for field in dataclasses.fields(struct)
    ]
