"""Kernels: plain typed Python, compiled once per install to one object file, loaded without numba.

``kernel`` registers a function, ``build`` compiles all of them (the only code that imports numba), ``library`` loads
the object. Internal: other packages of searchrank may use it, nobody else should.
"""

from searchrank.native.kernel import KERNELS, Kernel, kernel
from searchrank.native.library import Library, address, compiled, ensure_built, library

__all__ = ["KERNELS", "Kernel", "Library", "address", "compiled", "ensure_built", "kernel", "library"]
