"""A process that computes on a GPU or holds its memory, through the CUDA driver alone, without toolkit or framework.

    python -I -S faults/local/control/gpu_load.py compute --load 100 --uuid GPU-… --seconds 80
    python -I -S faults/local/control/gpu_load.py hold --bytes 8000000000 --uuid GPU-… --seconds 80

The operating system ends the process after `--seconds`. Not yet run on hardware.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

LIBRARY = "libcuda.so.1"
BLOCKS, THREADS = 1024, 256  # more than any GPU runs at once: all of it is busy
ROUNDS = 200_000  # of multiply-add in each thread: tens of milliseconds a launch
# Multiply-add over and over in registers, and one store, so that the compiler in the driver keeps the loop.
KERNEL = b"""
.version 6.0
.target sm_70
.address_size 64
.visible .entry spin(.param .u64 sink, .param .u32 rounds)
{
    .reg .f32 %f1;
    .reg .u32 %r1;
    .reg .u64 %rd<3>;
    .reg .pred %p1;
    ld.param.u64 %rd1, [sink];
    ld.param.u32 %r1, [rounds];
    mov.f32 %f1, 0f3F800000;
AGAIN:
    fma.rn.f32 %f1, %f1, 0f3F7FFFFF, 0f3F000000;
    sub.u32 %r1, %r1, 1;
    setp.ne.u32 %p1, %r1, 0;
    @%p1 bra AGAIN;
    cvta.to.global.u64 %rd2, %rd1;
    st.global.f32 [%rd2], %f1;
    ret;
}
"""


class Cuda:
    """The context of one device, with the few calls that are needed. They raise RuntimeError."""

    def __init__(self, library: str = LIBRARY) -> None:
        self._driver = ctypes.CDLL(library)
        device, context = ctypes.c_int(), ctypes.c_void_p()
        self._call("cuInit", ctypes.c_uint(0))
        self._call("cuDeviceGet", ctypes.byref(device), ctypes.c_int(0))
        self._call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
        self._call("cuCtxSetCurrent", context)

    def allocate(self, size: int) -> ctypes.c_uint64:
        """Allocate device memory and write to it, so that it is really used."""
        pointer = ctypes.c_uint64()
        self._call("cuMemAlloc_v2", ctypes.byref(pointer), ctypes.c_size_t(size))
        self._call("cuMemsetD8_v2", pointer, ctypes.c_ubyte(1), ctypes.c_size_t(size))
        return pointer

    def kernel(self) -> ctypes.c_void_p:
        module, function = ctypes.c_void_p(), ctypes.c_void_p()
        self._call("cuModuleLoadData", ctypes.byref(module), ctypes.c_char_p(KERNEL))
        self._call("cuModuleGetFunction", ctypes.byref(function), module, ctypes.c_char_p(b"spin"))
        return function

    def launch(self, kernel: ctypes.c_void_p, sink: ctypes.c_uint64) -> None:
        """Run it once, and wait for its end."""
        rounds = ctypes.c_uint(ROUNDS)
        values = (ctypes.c_void_p * 2)(
            ctypes.cast(ctypes.byref(sink), ctypes.c_void_p), ctypes.cast(ctypes.byref(rounds), ctypes.c_void_p)
        )
        shape = [ctypes.c_uint(size) for size in (BLOCKS, 1, 1, THREADS, 1, 1, 0)]
        self._call("cuLaunchKernel", kernel, *shape, ctypes.c_void_p(), values, ctypes.c_void_p())
        self._call("cuCtxSynchronize")

    def _call(self, name: str, *arguments: Any) -> None:
        if code := getattr(self._driver, name)(*arguments):
            raise RuntimeError(f"{name} failed with CUDA error {code}")


def compute(load: int) -> None:
    """Keep the device busy for `load` per cent of the time."""
    cuda = Cuda()
    sink, kernel = cuda.allocate(4), cuda.kernel()
    while True:
        began = time.monotonic()
        cuda.launch(kernel, sink)
        time.sleep((time.monotonic() - began) * (100 - load) / load)


def hold(size: int) -> None:
    cuda = Cuda()
    cuda.allocate(size)
    while True:
        signal.pause()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="gpu_load.py", description=__doc__)
    parser.add_argument("what", choices=("compute", "hold"))
    parser.add_argument("--load", type=int, default=100, help="per cent of the time")
    parser.add_argument("--bytes", type=int, default=0)
    parser.add_argument("--uuid", required=True, help="of the GPU")
    parser.add_argument("--seconds", type=int, required=True, help="until this process ends")
    chosen = parser.parse_args(arguments)
    signal.alarm(chosen.seconds)
    os.environ["CUDA_VISIBLE_DEVICES"] = chosen.uuid  # the driver then knows one device, number 0
    try:
        if chosen.what == "compute":
            compute(chosen.load)
        hold(chosen.bytes)
    except (OSError, RuntimeError) as error:
        sys.exit(f"no load on the GPU: {error}")


if __name__ == "__main__":
    main()
