"""Ask the memory for a place before it is needed: LLVM's prefetch, in compiled loops. Imports numba."""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic


def _prefetch(typing: Any, array: Any, g: Any, i: Any, c: Any) -> Any:
    """prefetch(array, g, i, c): bring the cache line of array[g, i, c] near, to be read; nothing is computed."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        made = context.make_array(kind)(context, builder, arguments[0])
        strides = cgutils.unpack_tuple(builder, made.strides, kind.ndim)
        place = builder.ptrtoint(made.data, strides[0].type)
        for index, stride in zip(arguments[1:], strides, strict=True):
            place = builder.add(place, builder.mul(index, stride))
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        form = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        call = cgutils.get_or_insert_function(builder.module, form, "llvm.prefetch.p0")
        read, near, data = (ir.Constant(word, number) for number in (0, 3, 1))
        builder.call(call, [builder.inttoptr(place, byte), read, near, data])
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, types.intp), generate


prefetch: Any = intrinsic(_prefetch)
